"""What a notebook adds to Python: display(), get_ipython(), In and Out, and cells that are not Python as they stand.

Most of it is in parts, which a context compiles when it first needs them: many a context never does.
"""

import builtins
import importlib.util
import os
import sys
import types
from importlib.machinery import PathFinder

from code_interpreter_results import ORIGINALS, encoded, representations, sturdily

# Name -> source; the supervisor puts them here.
PARTS = {}
PREFIX = "code_interpreter_"
MAX_OUTPUTS = 1000
# Below the home directory; what an earlier context may have filled.
USER_SITE = f".local/lib/python3.{sys.version_info[1]}/site-packages"


def part(name):
    """The module of a part. Like this one, it has builtins of its own."""
    full_name = PREFIX + name
    if full_name not in sys.modules:
        sturdily(load, name)
    return sys.modules[full_name]


def load(name):
    module = types.ModuleType(PREFIX + name)
    module.__dict__["__builtins__"] = {**ORIGINALS, "__import__": import_with_parts}
    exec(compile(PARTS[name], f"<{module.__name__}>", "exec"), module.__dict__)
    sys.modules[module.__name__] = module


def import_with_parts(name, *arguments, **options):
    if name.startswith(PREFIX):
        part(name[len(PREFIX) :])
    return __import__(name, *arguments, **options)


class Notebook:
    """The notebook of one context. The driver gives it the means to run code and to send what is to be seen."""

    def __init__(self, driver):
        self.driver = driver
        self.names = driver.module.__dict__
        self.inputs = self.names["In"] = [""]
        self.outputs = self.names["Out"] = {}
        self.shell = None
        self.captured = None  # a list while a cell keeps its results to itself

    def prepare(self):
        for name, function in (("display", self.display), ("get_ipython", self.get_ipython)):
            ORIGINALS[name] = function
            setattr(builtins, name, function)
        self.connect()
        if os.path.isdir(os.path.join(os.environ.get("HOME", ""), USER_SITE)):
            part("packages").find_packages()

    def connect(self):
        sys.meta_path.insert(0, IPythonFinder(self))

    def get_ipython(self):
        """The object that has run_line_magic(), run_cell_magic(), system() and getoutput()."""
        if self.shell is None:
            self.shell = part("shell").Shell(self)
        return self.shell

    def python_of(self, source):
        """A cell that the compiler refused, with what only a notebook knows turned into Python."""
        return part("cells").python_of(source, lambda name: self.get_ipython().is_command(name))

    def forget_columns(self, tree, before, after):
        """Lines that were turned into Python have other columns than those that a traceback shows."""
        part("cells").forget_columns(tree, before, after)

    def trigger(self, event):
        if self.shell is not None:
            self.shell.events.trigger(event)

    # In and Out

    def begin_cell(self, count, source):
        self.inputs += [""] * (count - len(self.inputs))
        self.inputs.append(source)
        self.trigger("pre_execute")

    def remember_value(self, count, value):
        """Makes a value that is not None the latest one."""
        live = vars(builtins)
        live["___"], live["__"], live["_"] = live.get("__"), live.get("_"), value
        if value is self.outputs:
            return
        self.outputs[count] = self.names[f"_{count}"] = value
        if len(self.outputs) > MAX_OUTPUTS:
            oldest = next(iter(self.outputs))
            del self.outputs[oldest]
            self.names.pop(f"_{oldest}", None)

    # What is shown

    def show(self, value, main):
        if not displays_itself(value):
            self.send(representations(value), main)

    def send(self, data, main):
        if self.captured is not None:
            self.captured.append(data)
        else:
            self.driver.send_result(data, main)

    def display(self, *values, include=None, exclude=None, raw=False, display_id=None, update=False, **_options):
        """Shows values as results of the running cell, in their richest representations."""
        if update:
            return None  # the wire has no way to change what is shown already
        for value in values:
            if raw:
                data = {str(mime): encoded(str(mime), content) for mime, content in value.items()}
            elif displays_itself(value):
                continue
            else:
                data = representations(value)
            data = {mime: text for mime, text in data.items() if is_wanted(mime, include, exclude)}
            if data:
                self.send(data, main=False)
        return DisplayHandle(self.display, display_id) if display_id is not None else None


def is_wanted(mime, include, exclude):
    return (not include or mime in include) and (not exclude or mime not in exclude)


def displays_itself(value):
    """Calls the method by which some objects do their own display; false when the value has none."""
    if isinstance(value, type):
        return False
    try:
        if not callable(getattr(value, "_ipython_display_", None)):
            return False
        if callable(getattr(value, "_a_method_that_nothing_has_", None)):
            return False  # it claims to have everything
    except Exception:
        return False
    value._ipython_display_()
    return True


class DisplayHandle:
    """What display() answers when it is given a display_id. Updates are not shown."""

    def __init__(self, display, display_id=None):
        self.show = display
        self.display_id = os.urandom(16).hex() if display_id in (None, True) else display_id

    def display(self, value, **options):
        self.show(value, **options)

    def update(self, value, **options):
        self.show(value, update=True, **options)


class IPythonFinder:
    """Makes IPython's modules show by way of this notebook, and stands in for them where there are none."""

    NAMES = (
        "IPython",
        "IPython.display",
        "IPython.core",
        "IPython.core.display",
        "IPython.core.display_functions",
        "IPython.core.getipython",
        "IPython.core.magic",
        "IPython.core.pylabtools",
    )

    def __init__(self, notebook):
        self.notebook = notebook

    def find_spec(self, name, path=None, target=None):
        if name not in self.NAMES:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_connect(module):
                execute(module)
                part("ipython").connect(module, self.notebook)

            spec.loader.exec_module = execute_and_connect
            return spec
        if name == "IPython" or hasattr(sys.modules.get("IPython"), "is_stand_in"):
            return importlib.util.spec_from_loader(name, self, is_package=name in ("IPython", "IPython.core"))
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        part("ipython").stand_in(module, self.notebook)
