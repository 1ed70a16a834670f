"""Turns a cell with what only a notebook knows into Python, keeping every line at its number.

Python's own lines stay as they are. The others begin where a statement would, never inside a string, a bracket or
a continued line:

    %name arguments        !command        name?        name = %name arguments        name = !command

and a cell that begins with %%name is one call as a whole.
"""

import ast
import re

from code_interpreter_driver import lines_of

NAME = r"[^\W\d]\w*"
HELP = re.compile(rf"(\?\??)?\s*(%{{0,2}}{NAME}(?:\.{NAME}|\[[^\[\]]+\])*)\s*(\?\??)?")
COMMAND = re.compile(rf"({NAME})(?:\s+([\w./~{{$'\"-].*))?")
ASSIGNED = re.compile(rf"(?<![=!<>:+\-*/%&|^@])=\s*(!(?!=)|%(?={NAME}))")
# What opens a string, a comment, a bracket or a further line, and what might assign.
TOKEN = re.compile(r"\"\"\"|'''|[\"'#()\[\]{}=]|\\$")

ENDS = {quote: re.compile(rf"\\|{quote}") for quote in ("'", '"', "'''", '"""')}


def python_of(source, is_command):
    """The cell as Python; as it was, when it has nothing for this module. `is_command` knows the names of magics."""
    lines = without_indent(lines_of(source))
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return source
    head = lines[first].strip()
    if head.startswith("%%") and help_for(head) is None:
        return "\n" * first + cell_magic(head, "".join(lines[first + 1 :]))
    rest = [line for line in lines[first + 1 :] if line.strip()]
    command = COMMAND.fullmatch(head)
    if not rest and command and is_command(command[1]):
        return "\n" * first + line_magic(head)
    return "".join(translated(lines))


def forget_columns(tree, before, after):
    """Takes the columns from nodes in lines that were changed."""
    pairs = enumerate(zip(lines_of(before), lines_of(after)), 1)
    changed = {number for number, (old, new) in pairs if old.rstrip() != new.rstrip()}
    for node in ast.walk(tree):
        if getattr(node, "lineno", None) in changed:
            node.end_lineno, node.col_offset, node.end_col_offset = node.lineno, -1, -1


def without_indent(lines):
    """Takes the indentation of the first line from all that have it."""
    first = next(filter(str.strip, lines), "")
    indent = first[: len(first) - len(first.lstrip())]
    return [line[len(indent) :] if line.startswith(indent) else line for line in lines]


def translated(lines):
    """The lines of Python. One that replaces several is followed by empty ones."""
    code, number = Code(), 0
    while number < len(lines):
        line = lines[number]
        special = code.is_between_statements() and line.strip() and statement(joined(lines, number)[0].strip())
        if special:
            prefix = line[: len(line) - len(line.lstrip())]
        else:
            found = code.read(line)
            if found is None:
                yield line
                number += 1
                continue
            prefix = line[: found.start() + 1] + " "
        text, count = joined(lines, number)
        yield prefix + (special or assigned(text[found.start(1) :])) + "\n" * count
        number += count


def joined(lines, number):
    """A line with those that it goes on in after a backslash, and how many they are."""
    parts = []
    for line in lines[number:]:
        text = line.rstrip("\n")
        parts.append(text[:-1] if text.endswith("\\") else text)
        if not text.endswith("\\"):
            break
    return " ".join(parts), len(parts)


def statement(text):
    """Python for a statement of a notebook, or None for one of Python."""
    if text.startswith("!!"):
        return call("getoutput", text[2:].strip())
    if text.startswith("!"):
        return call("system", text[1:].strip())
    asked = help_for(text)
    if asked is not None:
        return asked
    return line_magic(text[1:]) if text.startswith("%") else None


def help_for(text):
    """Python for a question mark before or after a name, or None."""
    asked = HELP.fullmatch(text) if "?" in text else None
    if asked is None or bool(asked[1]) == bool(asked[3]):
        return None
    name = {"?": "pinfo", "??": "pinfo2"}[asked[1] or asked[3]]
    return call("run_line_magic", name, asked[2])


def assigned(text):
    """Python for what stands behind an equals sign: a command whose output is wanted, or a magic."""
    return call("getoutput", text[1:].strip()) if text.startswith("!") else line_magic(text[1:])


def line_magic(text):
    name, line = split_name(text)
    return call("run_line_magic", name, line)


def cell_magic(head, body):
    name, line = split_name(head[2:])
    return call("run_cell_magic", name, line, body if body.endswith("\n") or not body else body + "\n")


def split_name(text):
    """The name of a magic and its arguments; `!` needs no space in between."""
    if text.startswith("!"):
        return "!", text[1:].strip()
    name, *line = text.strip().split(None, 1) or [""]
    return name, line[0] if line else ""


def call(method, *arguments):
    return f"get_ipython().{method}({', '.join(map(repr, arguments))})"


class Code:
    """How far into a statement the lines that were read so far lead."""

    def __init__(self):
        self.depth = 0
        self.quote = None
        self.is_continued = False

    def is_between_statements(self):
        return self.depth == 0 and self.quote is None and not self.is_continued

    def read(self, line):
        """Goes on by a line; answers where in it something is assigned that is not Python."""
        is_first = self.is_between_statements()
        self.is_continued = False
        line = line.rstrip("\n")
        at = 0
        while True:
            if self.quote is not None:
                at = self.end_of_string(line, at)
                if at is None:
                    return None
            token = TOKEN.search(line, at)
            if token is None or token[0] == "#":
                return None
            at = token.end()
            if token[0] == "\\":
                self.is_continued = True
            elif token[0] == "=":
                found = self.depth == 0 and is_first and ASSIGNED.match(line, token.start())
                if found:
                    return found
            elif token[0] in "([{":
                self.depth += 1
            elif token[0] in ")]}":
                self.depth = max(0, self.depth - 1)
            else:
                self.quote = token[0]

    def end_of_string(self, line, at):
        """Where the string that is open closes. Not in this line: None, and only some strings stay open."""
        stop = ENDS[self.quote]
        while True:
            found = stop.search(line, at)
            if found is None:
                self.quote = self.quote if len(self.quote) == 3 else None
                return None
            at = found.end()
            if found[0] == self.quote:
                self.quote = None
                return at
            if at == len(line):
                return None  # a backslash takes a string of either kind into the next line
            at += 1
