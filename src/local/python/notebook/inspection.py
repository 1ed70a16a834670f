"""Magics that tell what there is: help for a name, the variables of the notebook, the magics themselves."""

import inspect

from code_interpreter_registry import UsageError, line_magic, takes_code

HIDDEN = ("In", "Out")
WIDTH = 60


@line_magic("pinfo")
@takes_code
def pinfo(shell, line, place):
    """%pinfo NAME, or NAME?: what a name stands for."""
    tell(shell, line.strip(), place, with_source=False)


@line_magic("pinfo2")
@takes_code
def pinfo2(shell, line, place):
    """%pinfo2 NAME, or NAME??: what a name stands for, with its source."""
    tell(shell, line.strip(), place, with_source=True)


def tell(shell, name, place, with_source):
    found = magic_named(shell, name)
    if found is not None:
        print(f"Docstring: {found.__doc__ or '<no docstring>'}")
        return
    try:
        value = eval(name, shell.user_ns, place.names)
    except Exception:
        print(f"Object `{name}` not found.")
        return
    for title, text in facts(value, with_source):
        print(f"{title + ':':<11}\n{text}" if "\n" in text else f"{title + ':':<11}{text}")


def magic_named(shell, name):
    kinds = {"%%": shell.cell_magics, "%": shell.line_magics}
    for sign, magics in kinds.items():
        if name.startswith(sign):
            return magics.get(name[len(sign) :])
    return None


def facts(value, with_source):
    """What is known of a value, as titles and texts."""
    signature = attempt(lambda: str(inspect.signature(value))) if callable(value) else None
    if signature:
        yield "Signature", getattr(value, "__name__", "") + signature
    yield "Type", type(value).__name__
    if not callable(value):
        yield "String form", shortened(attempt(lambda: str(value)) or "", 200)
    length = attempt(lambda: len(value))
    if length is not None:
        yield "Length", str(length)
    file = attempt(lambda: inspect.getfile(value))
    if file:
        yield "File", file
    source = attempt(lambda: inspect.getsource(value)) if with_source else None
    if source:
        yield "Source", source.rstrip()
    else:
        yield "Docstring", inspect.getdoc(value) or "<no docstring>"


def attempt(function):
    try:
        return function()
    except Exception:
        return None


def shortened(text, width):
    return text if len(text) <= width else text[: width - 3] + "..."


def variables(shell, kinds):
    """The user's own names in order, or those of the types that are named."""
    wanted = kinds.split()
    for name, value in sorted(shell.user_ns.items()):
        if name.startswith("_") or name in HIDDEN:
            continue
        if not wanted or type(value).__name__ in wanted:
            yield name, value


@line_magic("who")
def who(shell, line, _place):
    """%who [TYPES]: the names of the variables."""
    print("\t".join(name for name, _ in variables(shell, line)) or "No variables.")


@line_magic("who_ls")
def who_ls(shell, line, _place):
    """%who_ls [TYPES]: the names of the variables, as a list."""
    return [name for name, _ in variables(shell, line)]


@line_magic("whos")
def whos(shell, line, _place):
    """%whos [TYPES]: the variables, with their types and values."""
    rows = [("Variable", "Type", "Data/Info")]
    for name, value in variables(shell, line):
        text = " ".join((attempt(lambda: str(value)) or "").split())
        rows.append((name, type(value).__name__, shortened(text, WIDTH)))
    if len(rows) == 1:
        print("No variables.")
        return
    first, second = (max(len(row[column]) for row in rows) + 3 for column in (0, 1))
    rows.insert(1, ("-" * (first + second + len("Data/Info")), "", ""))
    for row in rows:
        print(f"{row[0]:<{first}}{row[1]:<{second}}{row[2]}".rstrip())


@line_magic("reset")
def reset(shell, line, _place):
    """%reset -f: forgets all variables."""
    if line.strip() not in ("-f", "-sf", "-fs"):
        raise UsageError("%reset forgets all variables, and wants to be told so with -f")
    for name in [name for name, _ in variables(shell, "")]:
        del shell.user_ns[name]


@line_magic("lsmagic")
def lsmagic(shell, _line, _place):
    """%lsmagic: what magics there are."""
    for title, sign, magics in (("Line", "%", shell.line_magics), ("Cell", "%%", shell.cell_magics)):
        print(f"{title} magics:", *(f"{sign}{name}" for name in sorted(magics) if name.isidentifier()))
