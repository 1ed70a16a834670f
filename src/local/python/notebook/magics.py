"""Magics for directories, files, variables of the environment, packages, and what needs no more than its name."""

import importlib
import os
import shlex
import sys

from code_interpreter_commands import output_of, run
from code_interpreter_packages import environment_of
from code_interpreter_registry import UsageError, cell_magic, line_magic, options_of, without_quotes

# Variables by which the engine knows its processes.
INTERNAL = "CODE_INTERPRETER_"


# --- directories and files ------------------------------------------------------------------------------------


@line_magic("pwd")
def pwd(_shell, _line, _place):
    """The working directory."""
    return os.getcwd()


@line_magic("cd")
def cd(shell, line, _place):
    """%cd [-q] DIRECTORY: changes the working directory; `-` is the one before, none is the home directory."""
    quiet = line.startswith("-q")
    path = without_quotes(line[2:] if quiet else line) or "~"
    if path == "-":
        path = shell.previous_directory
        if path is None:
            raise UsageError("there is no directory before this one")
    shell.change_directory(os.path.expanduser(path))
    if not quiet:
        print(os.getcwd())


def command_magic(name, command):
    def magic(shell, line, _place):
        shell.user_ns["_exit_code"] = run(f"{command} {line}")

    magic.__doc__ = f"%{name} ARGUMENTS: the command {command}."
    line_magic(name)(magic)


for command_name in ("cat", "cp", "ls", "mkdir", "mv", "rm", "rmdir"):
    command_magic(command_name, command_name)
command_magic("ll", "ls -l")


@cell_magic("writefile", "file")
def writefile(_shell, line, cell, _place):
    """%%writefile [-a] FILE: writes the cell to a file, or adds it at the end."""
    options, name = options_of(line, ["-a", "--append"])
    path = os.path.expanduser(without_quotes(name))
    if not path:
        raise UsageError("%%writefile needs the name of a file")
    what = "Appending to" if options else "Overwriting" if os.path.exists(path) else "Writing"
    print(what, path)
    with open(path, "a" if options else "w", encoding="utf-8") as file:
        file.write(cell)


# --- environment ----------------------------------------------------------------------------------------------


@line_magic("env")
def env(shell, line, place):
    """%env, %env NAME, %env NAME=VALUE: all variables of the environment, one, or sets one."""
    name, equals, value = line.strip().partition("=" if "=" in line else " ")
    if equals:
        return set_env(shell, line, place)
    if not name:
        return {name: value for name, value in os.environ.items() if not name.startswith(INTERNAL)}
    if name not in os.environ or name.startswith(INTERNAL):
        raise UsageError(f"the environment has no {name}")
    return os.environ[name]


@line_magic("set_env")
def set_env(_shell, line, _place):
    """%set_env NAME=VALUE: sets a variable of the environment."""
    name, equals, value = (word.strip() for word in line.partition("=" if "=" in line else " "))
    if not name or not equals or " " in name:
        raise UsageError("%set_env takes NAME=VALUE")
    os.environ[name] = value
    print(f"env: {name}={value}")


# --- commands and packages ------------------------------------------------------------------------------------


@line_magic("pip")
def pip(shell, line, _place):
    """%pip ARGUMENTS: pip of this interpreter. What it installs can be imported at once."""
    command = f"{shlex.quote(sys.executable)} -m pip {line}"
    shell.user_ns["_exit_code"] = run(command, environment_of(f"pip {line}"))


@line_magic("sx", "system", "!")
def sx(shell, line, _place):
    """%sx COMMAND: the lines that a command writes."""
    shell.user_ns["_exit_code"], lines = output_of(line)
    return lines


@cell_magic("sx", "system", "!")
def sx_cell(shell, line, cell, place):
    """%%sx: the lines that the commands of the cell write."""
    return sx(shell, f"{line}\n{cell}", place)


# --- what there is to see -------------------------------------------------------------------------------------


def display_magic(mime, *names):
    def magic(shell, _line, cell, _place):
        shell.notebook.display({mime: cell, "text/plain": cell}, raw=True)

    magic.__doc__ = f"%%{names[0]}: shows the cell as {mime}."
    cell_magic(*names)(magic)


display_magic("text/html", "html", "HTML")
display_magic("text/markdown", "markdown")
display_magic("text/latex", "latex")
display_magic("image/svg+xml", "svg", "SVG")
display_magic("application/javascript", "javascript", "js")


@line_magic("matplotlib", "config")
def nothing(_shell, _line, _place):
    """Accepted, and without effect: figures are shown as it is."""


@line_magic("load_ext", "reload_ext")
def load_ext(shell, line, _place):
    """%load_ext MODULE: has a module add its magics."""
    name = line.strip()
    if not name:
        raise UsageError("%load_ext needs the name of a module, as in %load_ext my_magics")
    try:
        module = importlib.import_module(name)
    except (ImportError, ValueError) as error:
        hint = "check the name; install what is missing with %pip, or IPython, if the extension needs that"
        raise UsageError(f"%load_ext cannot import {name!r}: {error}; {hint}") from None
    load = getattr(module, "load_ipython_extension", None)
    if load is None:
        raise UsageError(f"{name!r} is not an extension: it has no load_ipython_extension; use `import {name}`")
    load(shell)
