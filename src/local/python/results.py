"""What a client gets to see of Python objects: values in all their representations, figures, and errors."""

import base64
import builtins
import importlib.util
import io
import json
import os
import sys
import traceback

REPRESENTATIONS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_pdf_": "application/pdf",
    "_repr_latex_": "text/latex",
    "_repr_json_": "application/json",
    "_repr_javascript_": "application/javascript",
}

JSON_TYPES = ("application/json", "e2b/data", "e2b/chart")


# --- builtins -------------------------------------------------------------------------------------------------

# This module and the driver have builtins of their own, but the standard library has those of user code.
BUILTINS = vars(builtins)
ORIGINALS = dict(BUILTINS)


def restore_builtins():
    """Puts back the builtins that user code replaced or removed, and says which; false when there are none."""
    changed = [name for name, value in ORIGINALS.items() if BUILTINS.get(name) is not value]
    for name in changed:
        BUILTINS[name] = ORIGINALS[name]
    if changed:
        note = f"code-interpreter: put back builtins that it cannot work without: {', '.join(changed)}\n"
        os.write(2, note.encode())
    return bool(changed)


def sturdily(function, *arguments):
    """Calls a function; when it fails and user code has changed builtins, again with the original ones."""
    try:
        return function(*arguments)
    except Exception:
        if not restore_builtins():
            raise
    return function(*arguments)


# --- values ---------------------------------------------------------------------------------------------------


def plain_json(value):
    """For json.dumps: numpy's arrays and scalars, and nothing else."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError


def json_text(value):
    try:
        return json.dumps(value, allow_nan=False, default=plain_json)
    except Exception:  # nothing that JSON has, or user code has broken the encoder
        return None


def encoded(mime, value):
    """What the wire carries for a representation: JSON as its text, bytes as base64, the rest as a string."""
    if mime in JSON_TYPES or mime.endswith("+json"):
        return json_text(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    return str(value)


def call_representation(value, method):
    """The answer of one `_repr_*_` method, or None. One that fails is told of, and does not hide the others."""
    try:
        function = getattr(value, method, None)
        if not callable(function):
            return None
        answer = function()
        return answer[0] if isinstance(answer, tuple) else answer
    except Exception:
        traceback.print_exc()
        return None


def representations(value):
    """MIME type -> text of everything that the value offers."""
    data = {"text/plain": repr(value)}
    if isinstance(value, (list, dict)):
        data["application/json"] = json_text(value)
    if is_figure(value):
        data["image/png"] = encoded("image/png", png_of(value))
    if not isinstance(value, type):
        for method, mime in REPRESENTATIONS.items():
            answer = call_representation(value, method)
            if answer is not None:
                data[mime] = encoded(mime, answer)
        bundle = call_representation(value, "_repr_mimebundle_")
        if isinstance(bundle, dict):
            data.update({str(m): encoded(str(m), v) for m, v in bundle.items() if v is not None})
    return {mime: text for mime, text in data.items() if text is not None}


# --- matplotlib -----------------------------------------------------------------------------------------------


def is_figure(value):
    figures = sys.modules.get("matplotlib.figure")
    return figures is not None and isinstance(value, getattr(figures, "Figure", ()))


def png_of(figure):
    image = io.BytesIO()
    figure.savefig(image, format="png", bbox_inches="tight")
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(figure)
    return image.getvalue()


def open_figures():
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not hasattr(pyplot, "get_fignums"):
        return []
    return [pyplot.figure(number) for number in pyplot.get_fignums()]


class ShowHook:
    """An import hook: as soon as user code imports pyplot, its show() sends the figures.

    `show` is a function, not a method: pyplot sets attributes of it.
    """

    def __init__(self, show):
        self.show = show

    def find_spec(self, name, path=None, target=None):
        if name != "matplotlib.pyplot":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_hook(module):
                execute(module)
                module.show = self.show

            spec.loader.exec_module = execute_and_hook
        return spec


# --- errors ---------------------------------------------------------------------------------------------------


def user_traceback(error):
    """The traceback from the first frame of user code on: what calls it is of no interest."""
    tb = error.__traceback__
    while tb is not None:
        if tb.tb_frame.f_code.co_filename.startswith("<cell "):
            return tb
        tb = tb.tb_next
    return error.__traceback__


def format_error(error):
    """The traceback as text, without the frames of the driver, wherever they stand."""
    told = traceback.TracebackException(type(error), error, user_traceback(error))
    queue, seen = [told], set()
    while queue:
        part = queue.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        part.stack[:] = [frame for frame in part.stack if not frame.filename.startswith("<code_interpreter_")]
        queue += [part.__cause__, part.__context__]
    return "".join(told.format())


# Past a metaclass, and past subclasses of str, whose answers are not to be trusted.
name_of = type.__dict__["__name__"].__get__
plain_text = str.__str__


def describe(error):
    """Name, value and traceback; user code may have broken each of the three."""
    name = plain_text(name_of(type(error)))
    try:
        value = plain_text(str(error))
    except BaseException:
        value = "<the exception's __str__ failed>"
    try:
        text = sturdily(format_error, error)
    except BaseException:
        text = f"{name}: {value}\n"
    return {"event": "error", "name": name, "value": value, "traceback": text}
