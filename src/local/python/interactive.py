"""The driver that leaves cells to IPython's own shell, for where IPython is installed.

The shell is built once, in the supervisor, and every context gets a fork of it. Around it everything is the other
driver's: the protocol, the streams, interrupts, and what the engine knows of libraries.
"""

import builtins
import codeop
import os
import shlex
import sys
import types
import warnings

import IPython
from code_interpreter_driver import Control, Driver, EnvironmentChange
from code_interpreter_libraries import library_forms
from code_interpreter_notebook import Notebook, is_wanted, part
from code_interpreter_plain import json_text
from code_interpreter_results import HIDDEN, binary_as_text, describe, encoded, restore_builtins
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.formatters import DisplayFormatter, PlainTextFormatter
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.profiledir import ProfileDir
from IPython.display import display
from traitlets.config import Config

NAME = f"ipython {IPython.__version__}"
SCRIPTS = ("bash", "sh", "script", "system", "sx", "!")
# The parts of IPython that show what a cell raised, which is told as an event.
RUNNERS = ("_run_cell", "run_cell_async", "run_ast_nodes", "run_code", "showindentationerror")

HIDDEN.append(os.path.dirname(IPython.__file__) + os.sep)


# --- results --------------------------------------------------------------------------------------------------


class Ready(str):
    """A form as the wire has it."""


class PlainText(PlainTextFormatter):
    """Text, whose failure is that of the cell: a result without text is none."""

    def __call__(self, value):
        return PlainTextFormatter.__call__.__wrapped__(self, value)


class Formatter(DisplayFormatter):
    """What IPython and the user's own formatters make of a value, and what the engine knows of libraries."""

    def __init__(self, **options):
        super().__init__(**options)
        self.formatters["text/plain"] = PlainText(parent=self)

    def format(self, value, include=None, exclude=None):
        data, metadata = super().format(value, include, exclude)
        if data:
            more = {mime: binary_as_text(form) for mime, form in library_forms(value).items()}
            if isinstance(value, (list, dict)):
                more["application/json"] = json_text(value)
            wanted = {mime: form for mime, form in more.items() if form and is_wanted(mime, include, exclude)}
            data.update((mime, Ready(form)) for mime, form in wanted.items())
        return data, metadata


def wire(data):
    given = ((str(mime), form) for mime, form in data.items() if form is not None)
    texts = {mime: str(form) if isinstance(form, Ready) else encoded(mime, form) for mime, form in given}
    return {mime: text for mime, text in texts.items() if text is not None}


class Publisher(DisplayPublisher):
    """Shows what display() is given. Updates have no way to be shown, and what is out stays out."""

    def publish(self, data, metadata=None, source=None, *, transient=None, update=False, **_options):
        if not update and data:
            self.shell.driver.send_result(wire(data), main=False)

    def clear_output(self, wait=False):
        pass


class Value(DisplayHook):
    """Shows the value of a cell, and remembers it."""

    def start_displayhook(self):
        pass

    def write_output_prompt(self):
        pass

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.driver.send_result(wire(format_dict), main=self.shell.depth == 1)

    def finish_displayhook(self):
        pass


# --- the shell ------------------------------------------------------------------------------------------------


class Compiler(CachingCompiler):
    def __init__(self):
        super().__init__()
        # With it, Python says only that there could be more.
        self.flags &= ~getattr(codeop, "PyCF_ALLOW_INCOMPLETE_INPUT", 0)

    def get_code_name(self, raw_code, transformed_code, number):
        return f"<cell {number}>"


class Profile(ProfileDir):
    """A place for settings that is not made before someone puts something there."""

    def _location_changed(self, change):
        pass

    def check_dirs(self):
        pass


class Shell(InteractiveShell):
    driver = None
    depth = 0  # of cells that run cells

    # Nothing is written before user code does.
    def _ipython_dir_changed(self, change):
        pass

    def init_display_formatter(self):
        self.display_formatter = Formatter(parent=self)

    def init_virtualenv(self):
        pass

    def showtraceback(self, exc_tuple=None, *_arguments, **_options):
        self.print_error((exc_tuple or sys.exc_info())[1], sys._getframe(1))

    def showsyntaxerror(self, *_arguments, **_options):
        self.print_error(sys.exc_info()[1], sys._getframe(1))

    def print_error(self, error, caller):
        """What a cell raised is told as an event; the rest is printed: that of formatters, and of cells in cells."""
        if error is not None and (self.depth > 1 or caller.f_code.co_name not in RUNNERS):
            print(describe(error)["traceback"], end="", file=sys.stderr)

    def run_cell(self, raw_cell, *arguments, **options):
        self.depth += 1
        try:
            return super().run_cell(raw_cell, *arguments, **options)
        finally:
            self.depth -= 1

    def ask_exit(self):
        raise SystemExit(None)

    def enable_gui(self, gui=None):
        """There is no screen, so there are no windows to keep alive."""

    def enable_matplotlib(self, gui=None):
        """Figures are shown as it is."""
        return gui, "agg"

    def system(self, cmd):
        """What `!cmd` does: pip is told where to install, and an interrupt ends the cell."""
        self.user_ns["_exit_code"] = part("commands").run(self.var_expand(cmd, depth=1))

    system_raw = system_piped = system

    def run_cell_magic(self, magic_name, line, cell):
        packages = part("packages")
        variables = packages.environment_of(cell) if magic_name in SCRIPTS else None
        change = EnvironmentChange(variables or {})
        try:
            return super().run_cell_magic(magic_name, line, cell)
        finally:
            change.undo()
            if variables:
                packages.find_packages()


def pip(line):
    """%pip ARGUMENTS: pip of this interpreter. What it installs can be imported at once."""
    variables = part("packages").environment_of(f"pip {line}")
    status = part("commands").run(f"{shlex.quote(sys.executable)} -m pip {line}", variables)
    IPython.get_ipython().user_ns["_exit_code"] = status


def print_page(_shell, data, **_options):
    print(data["text/plain"] if isinstance(data, dict) else data)


def build():
    """The shell, in a process that has no other thread and writes nothing."""
    home = os.environ.get("HOME", "/")
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.PlainTextFormatter.max_seq_length = 0
    config.InteractiveShell.colors = "NoColor" if IPython.version_info[0] < 9 else "nocolor"
    config.InteractiveShell.xmode = "Plain"
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    directory = os.path.join(home, ".ipython")
    shell = Shell.instance(
        config=config,
        user_module=module,
        user_ns=module.__dict__,
        ipython_dir=directory,
        profile_dir=Profile(location=os.path.join(directory, "profile_default")),
        display_pub_class=Publisher,
        displayhook_class=Value,
        compiler_class=Compiler,
    )
    shell.set_hook("show_in_pager", print_page, 0)
    shell.register_magic_function(pip)
    # That an exit leads nowhere is told as an error; rare kinds of line ends are for Python to judge.
    for unwanted in ("To exit: use", "`make_tokens_by_line` received"):
        warnings.filterwarnings("ignore", message=unwanted, module="IPython")
    return shell


SHELL = build()


# --- the driver -----------------------------------------------------------------------------------------------


class ShellNotebook(Notebook):
    """The same means as where there is no IPython, by way of its shell."""

    def __init__(self, driver):
        self.driver = driver

    def connect(self):
        """IPython is connected as it is."""

    def get_ipython(self):
        return SHELL

    def show(self, value, main):
        display(value)

    def display(self, *values, **options):
        return display(*values, **options)


class ShellDriver(Driver):
    def __init__(self, control):
        super().__init__(control, SHELL.user_module, ShellNotebook)
        SHELL.driver = self
        SHELL.loop_runner = self.complete

    def execute(self, source):
        SHELL.depth = 0
        SHELL.execution_count = self.count
        try:
            result = SHELL.run_cell(source, store_history=True)
        except Exception:
            restore_builtins()  # IPython's own code runs on those of user code
            raise
        error = result.error_before_exec
        if error is None:
            error = result.error_in_exec
        if error is None or isinstance(error, Exception):
            self.show_figures()
        if error is not None:
            raise error


def main(descriptor):
    driver = ShellDriver(Control(descriptor))
    driver.prepare()
    driver.serve()
