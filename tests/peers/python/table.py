"""The table of cases, and the two flavours of E2B's Python client behind one face.

A case is written once. What it is given has the names of the client's own classes, and every method is awaited: the
blocking flavour's run in threads of their own.
"""

import asyncio
import inspect
import time
import traceback

import e2b
import e2b_code_interpreter

CASES = []
# How many cases run at a time, and for how long each may.
AT_ONCE = 6
LONGEST = 60


def case(function):
    """Adds a case to the table. It is called with a flavour and a new sandbox, or with what of the two it names."""
    CASES.append(function)
    return function


class Face:
    """An object of the client; what its methods answer has a face, too, if it has methods that connect."""

    def __init__(self, target, in_thread):
        self.target, self.in_thread = target, in_thread

    def __getattr__(self, name):
        value = getattr(self.target, name)
        if isinstance(value, CONNECTED):
            return Face(value, self.in_thread)
        if not callable(value):
            return value
        return lambda *arguments, **options: self.call(value, arguments, options)

    async def call(self, method, arguments, options):
        arguments = [argument.target if isinstance(argument, Face) else argument for argument in arguments]
        if self.in_thread:
            answer = await asyncio.to_thread(method, *arguments, **options)
        else:
            answer = method(*arguments, **options)
            answer = await answer if inspect.isawaitable(answer) else answer
        return Face(answer, self.in_thread) if isinstance(answer, CONNECTED) else answer


class Flavour:
    def __init__(self, name, sandbox, volume, in_thread):
        self.name = name
        self.Sandbox, self.Volume = Face(sandbox, in_thread), Face(volume, in_thread)


FLAVOURS = [
    Flavour("sync", e2b_code_interpreter.Sandbox, e2b.Volume, True),
    Flavour("async", e2b_code_interpreter.AsyncSandbox, e2b.AsyncVolume, False),
]


def connected():
    """The classes whose methods connect."""
    pages = [kind for name, kind in vars(e2b).items() if name.endswith("Paginator")]
    sandbox, other = e2b.Sandbox, e2b.AsyncSandbox
    parts = [inspect.signature(kind.fget).return_annotation for each in (sandbox, other)
             for kind in (each.files, each.commands, each.pty)]
    return (sandbox, other, *pages, *(part for part in parts if inspect.isclass(part)))


CONNECTED = connected()


def check(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


def contains(text, *parts):
    for part in parts:
        assert part in str(text), f"no {part!r} in {text!r}"


async def raises(kind, awaitable):
    try:
        answer = await awaitable
    except kind as error:
        return error
    raise AssertionError(f"no {kind}, but {answer!r}")


async def eventually(what, condition, limit=20):
    start = time.monotonic()
    while not await condition():
        assert time.monotonic() - start < limit, f"never: {what}"
        await asyncio.sleep(0.1)


async def run_case(function, flavour):
    wanted = inspect.signature(function).parameters
    given = {"flavour": flavour}
    if "sandbox" in wanted:
        given["sandbox"] = await flavour.Sandbox.create()
    try:
        await asyncio.wait_for(function(**{name: given[name] for name in wanted}), LONGEST)
    finally:
        if "sandbox" in given:
            await given["sandbox"].kill()


async def run_all(flavour, only):
    """Runs the table; how many cases failed."""
    places = asyncio.Semaphore(AT_ONCE)
    chosen = [function for function in CASES if only in function.__name__]

    async def run(function):
        async with places:
            start = time.monotonic()
            try:
                await run_case(function, flavour)
            except BaseException as error:
                print(f"{flavour.name} {function.__name__}: FAILED after {time.monotonic() - start:.1f} s")
                traceback.print_exception(error)
                return 1
        return 0

    start = time.monotonic()
    failed = sum(await asyncio.gather(*map(run, chosen)))
    print(f"{flavour.name}: {len(chosen)} cases, {failed} failed, {time.monotonic() - start:.1f} s", flush=True)
    return failed
