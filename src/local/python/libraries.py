"""What the engine knows of libraries: figures, tables and images, once user code has imported what makes them.

Nothing here imports a library that is not there already.
"""

import functools
import io
import os
import sys
import traceback

from code_interpreter_charts import chart_of
from code_interpreter_plain import MAX_ITEMS, is_a, json_text, plain_or_text


def library_forms(value):
    """MIME type -> what libraries do not say of their objects themselves: bytes, or JSON as text."""
    if is_a(value, "matplotlib.figure", "Figure"):
        return figure_forms(value)
    if is_a(value, "pandas", "DataFrame"):
        return {"e2b/data": table(value)}
    return {}


# --- figures --------------------------------------------------------------------------------------------------


def figure_forms(figure):
    """The picture and the chart. The figure is closed, so that the end of the cell does not show it again."""
    try:
        # Drawing is what settles the ticks, so it comes first.
        return {"image/png": png_of(figure), "e2b/chart": json_text(chart_of(figure)) or "{}"}
    finally:
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None:
            pyplot.close(figure)


def png_of(figure):
    if not figure.axes and not figure.lines:
        return None
    image = io.BytesIO()
    try:
        figure.savefig(image, format="png", bbox_inches="tight")
    except Exception:
        traceback.print_exc()
        return None
    return image.getvalue()


def open_figures():
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not hasattr(pyplot, "get_fignums"):
        return []
    return [pyplot.figure(number) for number in pyplot.get_fignums()]


# --- tables ---------------------------------------------------------------------------------------------------


def table(frame):
    """A DataFrame as {column: [values]}. Of columns with one name the last counts."""
    if frame.size > MAX_ITEMS:
        return None
    try:
        columns = {column_name(name): frame.iloc[:, at].tolist() for at, name in enumerate(frame.columns)}
    except Exception:
        traceback.print_exc()
        return None
    return json_text(columns, plain_or_text)


def column_name(name):
    return name.isoformat() if hasattr(name, "isoformat") else str(name)


# --- imports --------------------------------------------------------------------------------------------------


class LibraryHooks:
    """An import hook: what is changed in libraries, as soon as user code imports them.

    `show` is to show the open figures, and a function: pyplot sets attributes of it. `display` shows a value.
    """

    def __init__(self, show, display):
        self.hooks = {
            "matplotlib.pyplot": lambda module: setattr(module, "show", show),
            "PIL.Image": lambda module: display_what_is_saved(module, display),
            "PIL.ImageShow": lambda module: module._viewers.clear(),  # there is no screen
        }

    def find_spec(self, name, path=None, target=None):
        hook = self.hooks.get(name)
        spec = self.spec_of_others(name, path, target) if hook else None
        execute = getattr(getattr(spec, "loader", None), "exec_module", None)
        if execute is None:
            return spec

        def execute_and_hook(module):
            execute(module)
            if module.__name__ == name:
                attempt(hook, module)

        spec.loader.exec_module = execute_and_hook
        return spec

    def spec_of_others(self, *sought):
        others = (finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec"))
        return next(filter(None, (finder.find_spec(*sought) for finder in others)), None)


def attempt(hook, module):
    try:
        hook(module)
    except Exception:
        pass  # a version that is made otherwise is left as it is


def display_what_is_saved(module, display):
    save = module.Image.save

    @functools.wraps(save)
    def save_and_display(image, fp, *arguments, **options):
        answer = save(image, fp, *arguments, **options)
        # matplotlib saves its figures this way, which are shown without it.
        caller = sys._getframe(1).f_globals.get("__name__", "").partition(".")[0]
        if isinstance(fp, (str, bytes, os.PathLike)) and caller != "matplotlib":
            display(image)
        return answer

    module.Image.save = save_and_display
