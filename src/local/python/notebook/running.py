"""Magics that run code: timed, captured, from a file, or as a script of another program."""

import ast
import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import timeit

from code_interpreter_driver import flush_streams
from code_interpreter_packages import environment_of, find_packages
from code_interpreter_registry import (
    UsageError,
    cell_magic,
    line_magic,
    number_of,
    options_of,
    takes_code,
    without_quotes,
)

UNITS = (("s", 1), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
LONG_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
# A measurement that takes less says little.
ENOUGH_SECONDS = 0.2


def told(seconds, digits=3):
    """A time in the unit that suits it."""
    if seconds >= 60:
        words, rest = [], int(seconds)
        for unit, size in LONG_UNITS:
            count, rest = divmod(rest, size)
            if count:
                words.append(f"{count}{unit}")
        return " ".join(words)
    unit, size = next((u for u in UNITS if seconds >= u[1]), UNITS[-1])
    return f"{seconds / size:.{digits}g} {unit}"


# --- times ----------------------------------------------------------------------------------------------------


@line_magic("time")
@takes_code
def time_line(shell, line, place):
    """%time CODE: runs code, and tells how long it took."""
    parts = shell.compiled(line, place)
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    try:
        return shell.evaluate_compiled(parts, place)
    finally:
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
        user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
        print(f"CPU times: user {told(user)}, sys: {told(system)}, total: {told(user + system)}")
        print(f"Wall time: {told(wall)}")


@cell_magic("time")
@takes_code
def time_cell(shell, line, cell, place):
    """%%time: runs the cell, and tells how long it took."""
    if line:
        raise UsageError("%%time takes nothing behind it; the code stands in the lines below")
    return time_line(shell, cell, place)


LOOP = """
def _loop(_turns, _timer):
    "setup"
    _start = _timer()
    for _turn in _turns:
        pass
    return _timer() - _start
"""


class Timing:
    """What %timeit -o answers."""

    def __init__(self, totals, loops):
        self.loops, self.repeat, self.all_runs = loops, len(totals), totals
        self.timings = [total / loops for total in totals]
        self.best, self.worst = min(self.timings), max(self.timings)
        self.average, self.stdev = statistics.fmean(self.timings), statistics.pstdev(self.timings)

    def __repr__(self):
        return f"<TimeitResult : {self}>"

    def __str__(self):
        runs = "1 run" if self.repeat == 1 else f"{self.repeat} runs"
        loops = "1 loop" if self.loops == 1 else f"{self.loops:,} loops"
        spread = f"mean ± std. dev. of {runs}, {loops} each"
        return f"{told(self.average)} ± {told(self.stdev)} per loop ({spread})"


@line_magic("timeit")
@takes_code
def timeit_line(shell, line, place):
    """%timeit [-n LOOPS] [-r RUNS] [-q] [-o] CODE: tells how long code takes, of many times."""
    options, code = options_of(line, ["-q", "-o"], ["-n", "-r"])
    return measure(shell, options, code, "pass", place)


@cell_magic("timeit")
@takes_code
def timeit_cell(shell, line, cell, place):
    """%%timeit [OPTIONS] [SETUP]: tells how long the cell takes, of many times."""
    options, setup = options_of(line, ["-q", "-o"], ["-n", "-r"])
    return measure(shell, options, cell, setup or "pass", place)


def measure(shell, options, code, setup, place):
    timer = timeit.Timer()
    timer.inner = loop_of(shell, code, setup, place)
    loops = number_of(options, "-n", 0)
    if loops < 1:
        loops = next((n for n in (10**power for power in range(9)) if timer.timeit(n) >= ENOUGH_SECONDS), 10**9)
    timing = Timing(timer.repeat(max(1, number_of(options, "-r", 7)), loops), loops)
    if "-q" not in options:
        print(timing)
    return timing if "-o" in options else None


def loop_of(shell, code, setup, place):
    """What timeit makes of code, but with its lines where they stand in the cell."""
    tree = ast.parse(LOOP)
    function = tree.body[0]
    loop = next(node for node in function.body if isinstance(node, ast.For))
    loop.body = shell.parsed(code, place).body or loop.body
    function.body[0:1] = shell.parsed(setup, place).body
    names = {**shell.user_ns, **place.names}
    exec(compile(tree, place.file, "exec", dont_inherit=True), names)
    return names["_loop"]


# --- files ----------------------------------------------------------------------------------------------------


@line_magic("run")
def run_file(shell, line, _place):
    """%run [-i] FILE ARGUMENTS: runs a Python file; its names stay. With -i, it sees those of the notebook."""
    options, rest = options_of(line, ["-i"])
    path, *arguments = [os.path.expanduser(word) for word in shlex.split(rest)] or [""]
    if not path:
        raise UsageError("%run needs the name of a Python file, as in %run file.py")
    if not os.path.isfile(path):
        named, path = path, f"{path}.py"
        if not os.path.isfile(path):
            hint = "write it with %%writefile, or give its whole path"
            raise UsageError(f"%run finds no file {named!r}, and no {path!r}, from {os.getcwd()!r}; {hint}")
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    names = shell.user_ns if options else {"__name__": "__main__", "__builtins__": shell.user_ns["__builtins__"]}
    before = sys.argv, sys.path[:]
    names["__file__"] = path
    sys.argv = [path, *arguments]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    try:
        exec(code, names)
    except SystemExit as end:
        if end.code:
            raise
    finally:
        sys.argv, sys.path[:] = before
        names.pop("__file__", None)
        if not options:
            shell.user_ns.update({n: value for n, value in names.items() if not n.startswith("__")})


# --- output ---------------------------------------------------------------------------------------------------


class Captured:
    """What a cell wrote and displayed, kept for later."""

    def __init__(self, notebook, texts, outputs):
        self.notebook = notebook
        self.stdout, self.stderr = texts
        self.outputs = outputs

    def __str__(self):
        return self.stdout

    def show(self):
        """Gives it out as the cell would have."""
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)
        for data in self.outputs:
            self.notebook.send(data, main=False)

    __call__ = show


@cell_magic("capture")
@takes_code
def capture(shell, line, cell, place):
    """%%capture [NAME]: runs the cell, and keeps what it writes and displays in a variable."""
    options, name = options_of(line, ["--no-stdout", "--no-stderr", "--no-display"])
    notebook, outer = shell.notebook, shell.notebook.captured
    descriptors = [d for d, option in ((1, "--no-stdout"), (2, "--no-stderr")) if option not in options]
    outputs = [] if "--no-display" not in options else outer
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        files = {1: stdout, 2: stderr}
        flush_streams()
        saved = {descriptor: os.dup(descriptor) for descriptor in descriptors}
        try:
            for descriptor in descriptors:
                os.dup2(files[descriptor].fileno(), descriptor)
            notebook.captured = outputs
            value = shell.evaluate(cell, place)
            if value is not None:
                notebook.display(value)
        finally:
            notebook.captured = outer
            flush_streams()
            for descriptor, copy in saved.items():
                os.dup2(copy, descriptor)
                os.close(copy)
            texts = [text_of(file) for file in (stdout, stderr)]
            if name:
                shell.user_ns[name.strip()] = Captured(notebook, texts, outputs or [])


def text_of(file):
    file.seek(0)
    return file.read().decode("utf-8", "replace")


# --- scripts --------------------------------------------------------------------------------------------------


@cell_magic("script")
def script(shell, line, cell, _place):
    """%%script [--out NAME] [--err NAME] [--no-raise-error] PROGRAM: gives the cell to a program."""
    options, program = options_of(line, ["--no-raise-error"], ["--out", "--err"])
    program = without_quotes(program)
    if not program:
        raise UsageError("%%script needs a program, as in %%script bash")
    flush_streams()
    kept = {name: tempfile.TemporaryFile() for name in ("--out", "--err") if name in options}
    with tempfile.TemporaryFile() as file:
        file.write(cell.encode("utf-8", "replace"))
        file.seek(0)
        streams = {"stdin": file, "stdout": kept.get("--out"), "stderr": kept.get("--err")}
        try:
            status = subprocess.call(shlex.split(program), env=environment_of(cell), **streams)
        except OSError as error:
            hint = "check its name, or give its whole path"
            raise UsageError(f"the program of the cell, {program!r}, cannot be started: {error}; {hint}") from None
    for name, file in kept.items():
        shell.user_ns[options[name]] = text_of(file)
        file.close()
    shell.user_ns["_exit_code"] = status
    find_packages()
    if status and "--no-raise-error" not in options:
        raise subprocess.CalledProcessError(status, program)


def script_magic(name, program):
    def magic(shell, line, cell, place):
        options, arguments = options_of(line, ["--no-raise-error"], ["--out", "--err"], are_all_known=False)
        words = [word for name, value in options.items() for word in ([name] if value is True else [name, value])]
        return script(shell, " ".join([*words, program, arguments]), cell, place)

    magic.__doc__ = f"%%{name} [--out NAME] [--err NAME] [--no-raise-error]: runs the cell in {program}."
    cell_magic(name)(magic)


for script_name in ("bash", "sh", "perl", "ruby", "node"):
    script_magic(script_name, script_name)
for script_name in ("python", "python3"):
    script_magic(script_name, shlex.quote(sys.executable))
