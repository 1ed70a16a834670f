"""Shell commands in a cell."""

import os
import pathlib
import re
import string
import subprocess

from code_interpreter_driver import flush_streams
from code_interpreter_packages import environment_of, explain_failure, find_packages

# $name and $name.attribute, or $$ for a dollar; not within single quotes.
DOLLAR = re.compile(r"\$(\$?[\w.]+)(?=(?:[^']*'[^']*')*[^']*$)")


class Lines(list):
    """The lines of a command's output, also as one text: `.n` with line ends, `.s` with spaces; `.l` is the list."""

    l = property(list)  # noqa: E741 (the name that users know)
    n = property("\n".join)
    s = property(" ".join)
    p = property(lambda self: [pathlib.Path(line) for line in self if os.path.exists(line)])

    def grep(self, pattern, prune=False):
        """The lines in which a regular expression is found or a function finds something; the others with prune."""
        is_match = pattern if callable(pattern) else re.compile(pattern, re.IGNORECASE).search
        return Lines(line for line in self if bool(is_match(line)) != prune)

    def fields(self, *numbers):
        """The words of each line, or those with the given numbers joined by spaces."""
        rows = [line.split() for line in self]
        if not numbers:
            return rows
        return Lines(" ".join(row[n] for n in numbers if -len(row) <= n < len(row)) for row in rows)


def run(command, variables=None):
    """Runs a command whose output is that of the cell; answers its exit status, negative after a signal."""
    flush_streams()
    variables = variables or environment_of(command)
    status = subprocess.call(command, shell=True, env=variables)
    if status and variables:
        explain_failure()
    find_packages()
    return 128 - status if status > 128 else status


def output_of(command):
    """Runs a command; answers its exit status and what it wrote, errors included, as lines."""
    flush_streams()
    done = subprocess.run(
        command, shell=True, env=environment_of(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, Lines(done.stdout.decode("utf-8", "replace").splitlines())


def expanded(text, names, local_names):
    """Puts the values of Python in for {expression} and $name; leaves the text as it is where one has none."""
    try:
        return "".join(pieces(text, lambda code: eval(code, names, local_names)))
    except Exception:
        return text


def pieces(text, value_of):
    for literal, expression, form, conversion in string.Formatter().parse(text):
        at = 0
        for found in DOLLAR.finditer(literal):
            yield literal[at : found.start()]
            name = found[1]
            yield name if name.startswith("$") else str(value_of(name))
            at = found.end()
        yield literal[at:]
        if expression is not None:
            # What looks like a format is the end of a slice.
            value = value_of(f"{expression}:{form}" if form else expression)
            yield CONVERSIONS[conversion](value)


CONVERSIONS = {None: str, "s": str, "r": repr, "a": ascii}
