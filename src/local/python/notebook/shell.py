"""What get_ipython() answers: the part of IPython's shell that notebooks and libraries use."""

import linecache
import os
import sys
import traceback
import types

from code_interpreter_commands import expanded, output_of, run
from code_interpreter_notebook import part
from code_interpreter_registry import CELL, LINE, UNEXPANDED, UsageError

# The modules that put their magics into the registry.
MAGICS = ("magics", "running", "inspection")


class Place:
    """Where in a cell something was called, so that code in its arguments is compiled as if it stood there."""

    def __init__(self, frame, lines=0):
        self.file = frame.f_code.co_filename
        self.line = frame.f_lineno + lines
        self.names = frame.f_locals

    def source(self, text):
        return "\n" * (self.line - 1) + text

    def written(self):
        return "".join(linecache.getlines(self.file))


class Events:
    """Callbacks before and after each cell: `pre_execute` and `post_execute`. Other events do not come."""

    def __init__(self):
        self.callbacks = {}

    def register(self, event, function):
        functions = self.callbacks.setdefault(event, [])
        if function not in functions:
            functions.append(function)

    def unregister(self, event, function):
        self.callbacks.get(event, []).remove(function)

    def trigger(self, event):
        for function in list(self.callbacks.get(event, ())):
            try:
                function()
            except Exception:
                traceback.print_exc()


class Shell:
    def __init__(self, notebook):
        self.notebook = notebook
        self.user_ns = self.user_global_ns = notebook.names
        self.config = {}
        self.events = Events()
        self.user_module = sys.modules["__main__"]
        self.previous_directory = None
        for name in MAGICS:
            part(name)
        self.line_magics, self.cell_magics = dict(LINE), dict(CELL)

    def __repr__(self):
        return "<the notebook's shell>"

    # Magics

    def run_line_magic(self, magic_name, line, _stack_depth=1):
        """What `%name line` does."""
        return self.line(magic_name, line, sys._getframe(_stack_depth))

    def run_cell_magic(self, magic_name, line, cell):
        """What a cell does that begins with `%%name line`."""
        frame = sys._getframe(1)
        magic = self.cell_magics.get(magic_name)
        if magic is None:
            hint = f" %{magic_name} exists for a line." if magic_name in self.line_magics else ""
            known = listed("%%", self.cell_magics)
            raise UsageError(f"there is no cell magic %%{magic_name}.{hint} There are: {known}")
        place = Place(frame, lines=1)
        return magic(self, self.expand(magic, line, frame), cell, place)

    def magic(self, text):
        """`%name line` as one text."""
        name, _, line = text.lstrip("%").partition(" ")
        return self.line(name, line, sys._getframe(1))

    def line(self, name, line, frame):
        magic = self.line_magics.get(name)
        if magic is None:
            hint = f" %%{name} exists for a whole cell." if name in self.cell_magics else ""
            if name.startswith("%") and name[1:] in self.cell_magics:
                hint = " It is one for a whole cell, and has to be in its first line."
            raise UsageError(f"there is no magic %{name}.{hint} There are: {listed('%', self.line_magics)}")
        return magic(self, self.expand(magic, line, frame), Place(frame))

    def expand(self, magic, line, frame):
        return line if magic in UNEXPANDED else self.var_expand(line, frame)

    def var_expand(self, text, frame=None):
        """Puts the values of Python in for {expression} and $name."""
        return expanded(text, self.user_ns, (frame or sys._getframe(1)).f_locals)

    def register_magic_function(self, func, magic_kind="line", magic_name=None):
        """Adds a magic: func(line), or func(line, cell) for a whole cell."""
        name = magic_name or func.__name__
        if "line" in magic_kind:
            self.line_magics[name] = lambda _shell, line, _place: func(line)
        if "cell" in magic_kind:
            self.cell_magics[name] = lambda _shell, line, cell, _place: func(line, cell)

    def find_magic(self, magic_name, magic_kind="line"):
        return {"line": self.line_magics, "cell": self.cell_magics}[magic_kind].get(magic_name)

    def is_command(self, name):
        """Whether a cell of one line that begins with the name is a magic without its percent sign."""
        return name in self.line_magics and name not in self.user_ns

    # Commands

    def system(self, cmd):
        """What `!cmd` does."""
        self.user_ns["_exit_code"] = run(self.var_expand(cmd, sys._getframe(1)))

    system_raw = system_piped = system

    def getoutput(self, cmd, split=True):
        """What `!cmd` gives when it is assigned."""
        status, lines = output_of(self.var_expand(cmd, sys._getframe(1)))
        self.user_ns["_exit_code"] = status
        return lines if split else lines.n

    # Code

    @property
    def execution_count(self):
        return self.notebook.driver.count

    def run_cell(self, raw_cell, **_options):
        """Runs code as a cell does; what it raises is raised, and the value of its last expression is shown."""
        value = self.evaluate(raw_cell, Place(sys._getframe(1)))
        if value is not None:
            self.notebook.display(value)
        return types.SimpleNamespace(result=value, success=True, error_in_exec=None, error_before_exec=None)

    def ev(self, expr):
        return eval(expr, self.user_ns)

    def ex(self, cmd):
        exec(cmd, self.user_ns)

    def push(self, variables, **_options):
        self.user_ns.update(variables)

    def parsed(self, text, place):
        """The tree of code in the arguments of a magic."""
        return self.notebook.driver.parse(place.source(text), place.file, place.written())[1]

    def compiled(self, text, place):
        """The same code's statements, compiled, and its last expression or None."""
        return self.notebook.driver.split(place.source(text), place.file, place.written())

    def evaluate(self, text, place):
        return self.evaluate_compiled(self.compiled(text, place), place)

    def evaluate_compiled(self, parts, place):
        statements, expression = parts
        evaluate = self.notebook.driver.evaluate
        evaluate(statements, place.names)
        return None if expression is None else evaluate(expression, place.names)

    def change_directory(self, path):
        try:
            before = os.getcwd()
        except FileNotFoundError:
            before = None  # removed
        os.chdir(path)
        self.previous_directory = before

    def enable_gui(self, gui=None):
        """There is no screen, so there are no windows to keep alive."""

    def enable_matplotlib(self, gui=None):
        """Figures are shown as it is."""


def listed(sign, names):
    return ", ".join(f"{sign}{name}" for name in sorted(names) if name.isidentifier())
