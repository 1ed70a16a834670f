"""IPython's modules, connected to this notebook, or stood in for where IPython is not installed."""

from code_interpreter_notebook import DisplayHandle, part
from code_interpreter_registry import UsageError


def functions(notebook):
    """By the names that they have in IPython."""

    def display_only(mime):
        def show(*values, raw=False, **options):
            for value in values:
                if raw:
                    notebook.display({mime: value}, raw=True, **options)
                else:
                    notebook.display(value, include=[mime], **options)

        return show

    def publish(data, metadata=None, **options):
        """Shows what is given by its MIME types."""
        options.pop("source", None)
        notebook.display(data, raw=True, **options)

    def update_display(value, *, display_id, **options):
        """Updates are not shown."""
        notebook.display(value, display_id=display_id, update=True, **options)

    def clear_output(wait=False):
        """What is out stays out."""

    shown = {"html": "text/html", "markdown": "text/markdown", "svg": "image/svg+xml", "png": "image/png"}
    shown.update(jpeg="image/jpeg", latex="text/latex", json="application/json", pdf="application/pdf")
    shown.update(javascript="application/javascript")
    return {
        "display": notebook.display,
        "publish_display_data": publish,
        "update_display": update_display,
        "clear_output": clear_output,
        "get_ipython": notebook.get_ipython,
        **{f"display_{name}": display_only(mime) for name, mime in shown.items()},
    }


def connect(module, notebook):
    """Replaces what in IPython's own modules needs its shell."""
    live = vars(module)
    for name, function in functions(notebook).items():
        if callable(live.get(name)) and not name.startswith("display_"):  # there is a module by one of the names
            live[name] = function


def stand_in(module, notebook):
    module.is_stand_in = True
    FILL[module.__name__](module, functions(notebook))


def fill_top(module, provided):
    # Libraries that look for a version expect a recent one.
    module.__version__ = "9.0.0"
    module.version_info = (9, 0, 0, "")
    module.get_ipython = provided["get_ipython"]


def fill_display(module, provided):
    vars(module).update({name: value for name, value in provided.items() if name != "get_ipython"})
    module.DisplayHandle = lambda display_id=None: DisplayHandle(provided["display"], display_id)
    module.set_matplotlib_formats = lambda *_formats, **_options: None
    objects = part("objects")
    vars(module).update({name: value for name, value in vars(objects).items() if name[0].isupper()})


def fill_getipython(module, provided):
    module.get_ipython = provided["get_ipython"]


def fill_magic(module, provided):
    def register(kind):
        def decorate(function):
            provided["get_ipython"]().register_magic_function(function, kind)
            return function

        return decorate

    for kind in ("line", "cell"):
        setattr(module, f"register_{kind}_magic", register(kind))
    module.UsageError = UsageError


def fill_pylabtools(module, _provided):
    # matplotlib looks up which windows a backend opens: none.
    module.backend2gui = {}


FILL = {
    "IPython": fill_top,
    "IPython.core": lambda *_: None,
    "IPython.display": fill_display,
    "IPython.core.display": fill_display,
    "IPython.core.display_functions": fill_display,
    "IPython.core.getipython": fill_getipython,
    "IPython.core.magic": fill_magic,
    "IPython.core.pylabtools": fill_pylabtools,
}
