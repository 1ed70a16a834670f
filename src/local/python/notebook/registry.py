"""The names of the magics."""

LINE = {}  # name -> function(shell, line, place)
CELL = {}  # name -> function(shell, line, cell, place)
UNEXPANDED = set()  # those whose arguments are code, in which {..} is Python's own


class UsageError(Exception):
    """A magic was given what it cannot work with."""

    __module__ = "builtins"  # so that a traceback calls it by this name alone


def line_magic(*names):
    return adder(LINE, names)


def cell_magic(*names):
    return adder(CELL, names)


def adder(magics, names):
    def add(function):
        magics.update(dict.fromkeys(names, function))
        return function

    return add


def takes_code(function):
    UNEXPANDED.add(function)
    return function


def options_of(text, flags, valued=(), are_all_known=True):
    """The options before the arguments, as a dictionary, and the rest of the line as it stands."""
    found, text = {}, text.strip()
    while text.startswith("-"):
        whole, (word, *rest) = text, text.split(None, 1)
        text = rest[0] if rest else ""
        name, equals, value = word.partition("=")
        if not name.startswith("--") and name[:2] in valued and len(name) > 2:
            name, equals, value = name[:2], "=", name[2:] + equals + value
        if name in flags:
            found[name] = True
        elif name not in valued and not are_all_known:
            return found, whole
        elif name not in valued:
            raise UsageError(f"{name} is not an option of this magic. There are: {', '.join([*flags, *valued])}")
        elif equals:
            found[name] = value
        else:
            value, *rest = text.split(None, 1) or [""]
            found[name], text = value, rest[0] if rest else ""
    return found, text


def number_of(options, name, default):
    try:
        return int(options.get(name, default))
    except ValueError:
        raise UsageError(f"{name} takes a whole number, not {options[name]!r}") from None


def without_quotes(text):
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text
