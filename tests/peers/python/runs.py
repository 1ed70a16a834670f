"""Running code: what it prints, what it is worth, and how it fails."""

import asyncio
import json
import time

from table import case, check, contains


@case
async def values_and_counts(sandbox):
    run = await sandbox.run_code("x = 1")
    check((run.text, run.results, run.execution_count, run.error), (None, [], 1, None))
    run = await sandbox.run_code("x += 1; x")
    check((run.text, run.execution_count, run.results[0].is_main_result), ("2", 2, True))
    check((await sandbox.run_code("'quoted'")).text, "quoted")
    check((await sandbox.run_code("None")).results, [])
    check((await sandbox.run_code("")).results, [])
    check((await sandbox.run_code("# nothing")).error, None)
    check((await sandbox.run_code("def f():\n    return 3\n\nf()")).text, "3")


@case
async def prints(sandbox):
    run = await sandbox.run_code("import sys\nprint('a'); print('b', end='')\nprint('c', file=sys.stderr)\n7")
    check(("".join(run.logs.stdout), "".join(run.logs.stderr), run.text), ("a\nb", "c\n", "7"))


@case
async def order_of_prints_and_displays(sandbox):
    seen = []
    note = lambda kind, value: seen.append((kind, value))  # noqa: E731
    code = """
import sys
for n in range(3):
    print('out', n, flush=True)
    print('err', n, file=sys.stderr, flush=True)
    display(n)
'end'"""
    run = await sandbox.run_code(
        code,
        on_stdout=lambda message: note("out", message.line),
        on_stderr=lambda message: note("err", message.line),
        on_result=lambda result: note("result", result.text),
    )
    for kind, expected in [
        ("out", ["out 0\n", "out 1\n", "out 2\n"]),
        ("err", ["err 0\n", "err 1\n", "err 2\n"]),
        ("result", ["0", "1", "2", "end"]),
    ]:
        check([value for each, value in seen if each == kind], expected)
    for n in range(3):
        assert seen.index(("out", f"out {n}\n")) < seen.index(("result", str(n))), seen
    check([result.is_main_result for result in run.results], [False, False, False, True])
    check(run.text, "end")


@case
async def callbacks(flavour, sandbox):
    seen = []

    async def hear(message):
        await asyncio.sleep(0)
        seen.append(message)

    on = hear if flavour.name == "async" else seen.append
    run = await sandbox.run_code(
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\ndisplay('shown')\n1/0",
        on_stdout=on, on_stderr=on, on_result=on, on_error=on,
    )
    kinds = sorted(type(each).__name__ for each in seen)
    check(kinds, ["ExecutionError", "OutputMessage", "OutputMessage", "Result"])
    messages = {message.line: message for message in seen if type(message).__name__ == "OutputMessage"}
    check((messages["out\n"].error, messages["err\n"].error), (False, True))
    assert messages["out\n"].timestamp
    check(run.error.name, "ZeroDivisionError")


@case
async def callbacks_come_while_the_code_runs(sandbox):
    times = []
    await sandbox.run_code(
        "import time\nfor n in range(3):\n    print(n, flush=True)\n    time.sleep(0.5)",
        on_stdout=lambda message: times.append(time.monotonic()),
    )
    assert len(times) >= 2 and times[-1] - times[0] > 0.6, times


@case
async def exceptions(sandbox):
    error = (await sandbox.run_code("def f():\n    raise ValueError('bäd')\n\nf()")).error
    check((error.name, error.value), ("ValueError", "bäd"))
    contains(error.traceback, "Traceback", "line 4", "line 2", "ValueError: bäd", "raise ValueError")
    assert "\x1b" not in error.traceback
    error = (await sandbox.run_code("try:\n    1/0\nexcept Exception as e:\n    raise KeyError('k') from e")).error
    contains(error.traceback, "ZeroDivisionError", "KeyError")
    run = await sandbox.run_code("print('before')\n[][1]\nprint('after')")
    check((run.error.name, run.logs.stdout, run.results), ("IndexError", ["before\n"], []))
    check((await sandbox.run_code("1")).text, "1")


@case
async def syntax_errors(sandbox):
    error = (await sandbox.run_code("x = 1\nfor in range(3): pass")).error
    check(error.name, "SyntaxError")
    contains(error.traceback, "line 2", "for in range(3)")
    check((await sandbox.run_code("x")).error.name, "NameError")
    check((await sandbox.run_code("if True:\nprint(1)")).error.name, "IndentationError")


@case
async def exits(sandbox):
    await sandbox.run_code("x = 1")
    assert (await sandbox.run_code("import sys; sys.exit(3)")).error.name == "SystemExit"
    check((await sandbox.run_code("x")).text, "1")
    run = await sandbox.run_code("import os; print('last', flush=True); os._exit(3)")
    check(("".join(run.logs.stdout), run.error.name), ("last\n", "KernelDied"))
    check((await sandbox.run_code("x")).error.name, "NameError")
    check((await sandbox.run_code("1")).text, "1")


@case
async def unicode(sandbox):
    text = "é ß 漢字 🙂 \u202e \u0000 \x1b[1m \r\t"
    run = await sandbox.run_code(f"text = {text!r}\nprint(text, end='')\ntext")
    check(("".join(run.logs.stdout), run.text), (text, repr(text)[1:-1]))
    check((await sandbox.run_code("变量 = 'ü'; 变量")).text, "ü")
    run = await sandbox.run_code("print('🙂' * 500_000, end='')")
    check("".join(run.logs.stdout), "🙂" * 500_000)


@case
async def bytes_that_are_no_text(sandbox):
    run = await sandbox.run_code("import sys\nsys.stdout.buffer.write(b'a\\xff\\xe2b'); sys.stdout.flush()\nNone")
    check("".join(run.logs.stdout), "a\ufffd\ufffdb")


@case
async def much_output(sandbox):
    run = await sandbox.run_code("for n in range(200_000): print(n)")
    check("".join(run.logs.stdout), "".join(f"{n}\n" for n in range(200_000)))
    run = await sandbox.run_code("print('x' * 5_000_000, end='')")
    check("".join(run.logs.stdout), "x" * 5_000_000)
    run = await sandbox.run_code("class B:\n    def _repr_html_(self): return 'y' * 20_000_000\nB()")
    check(run.results[0].html, "y" * 20_000_000)


@case
async def long_code(sandbox):
    code = "\n".join(f"x{n} = {n}" for n in range(20_000)) + "\nx19999"
    check((await sandbox.run_code(code)).text, "19999")


@case
async def awaits_threads_and_processes(sandbox):
    check((await sandbox.run_code("import asyncio\nawait asyncio.sleep(0.01)\nawait asyncio.sleep(0, 'done')")).text, "done")
    code = "import threading\nt = threading.Thread(target=lambda: print('thread'))\nt.start(); t.join()"
    check((await sandbox.run_code(code)).logs.stdout, ["thread\n"])
    code = "import subprocess\nsubprocess.run(['sh', '-c', 'echo child; echo oops >&2; exit 3']).returncode"
    run = await sandbox.run_code(code)
    check((run.text, run.logs.stdout, run.logs.stderr), ("3", ["child\n"], ["oops\n"]))
    check("".join((await sandbox.run_code("!echo shell")).logs.stdout).strip(), "shell")


@case
async def files_in_the_sandbox(sandbox):
    await sandbox.run_code("open('note.txt', 'w').write('kept')")
    check((await sandbox.run_code("open('note.txt').read()")).text, "kept")
    check((await sandbox.run_code("cat note.txt", language="bash")).logs.stdout, ["kept"])
    check((await sandbox.run_code("require('fs').readFileSync('note.txt', 'utf8')", language="js")).text, "kept")


@case
async def asking_for_input(sandbox):
    assert (await sandbox.run_code("input('name? ')")).error


@case
async def a_silent_run_is_kept_alive(sandbox):
    run = await sandbox.run_code("import time\ntime.sleep(6)\n'woke'")
    check((run.text, run.error), ("woke", None))


@case
async def as_json(sandbox):
    run = await sandbox.run_code("print('a')\n[1]")
    told = json.loads(run.to_json())
    check(json.loads(told["logs"])["stdout"] if isinstance(told["logs"], str) else told["logs"]["stdout"], ["a\n"])
    check(run.results[0].json, [1])


@case
async def the_many_runs_of_one_sandbox(sandbox):
    for n in range(50):
        check((await sandbox.run_code(f"{n} * 2")).text, str(n * 2))
