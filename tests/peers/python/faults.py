"""What goes wrong on the way: clocks that run out, clients that go away, sandboxes that are killed."""

import asyncio
import time

from e2b import NotFoundException, SandboxException, TimeoutException

from table import case, check, contains, raises

SLEEP = "import time\ntime.sleep(60)"


async def quickly(awaitable, limit=10):
    """As one says who waits for nothing that runs: far below the sleeps here, far above what it takes."""
    return await asyncio.wait_for(awaitable, limit)


@case
async def an_execution_that_takes_too_long(sandbox):
    await sandbox.run_code("x = 1")
    for code in [SLEEP, "while True: pass", "import subprocess\nsubprocess.run(['sleep', '60'])"]:
        contains(await raises(TimeoutException, sandbox.run_code(code, timeout=1)), "'timeout' option")
        check((await quickly(sandbox.run_code("x"))).text, "1")


@case
async def other_languages_that_take_too_long(sandbox):
    for language, code in [("js", "while (true) {}"), ("bash", "sleep 60")]:
        await raises(TimeoutException, sandbox.run_code(code, language=language, timeout=1))
        run = await quickly(sandbox.run_code("console.log(1)" if language == "js" else "echo 1", language=language))
        check(run.logs.stdout, ["1\n"])


@case
async def callbacks_before_the_time_is_over(sandbox):
    seen = []
    code = "import time\nfor n in range(600):\n    print(n, flush=True)\n    time.sleep(0.1)"
    await raises(TimeoutException, sandbox.run_code(code, timeout=1, on_stdout=lambda message: seen.append(message.line)))
    assert len(seen) >= 3 and seen[0].startswith("0\n"), seen


@case
async def another_waits_for_the_one_that_times_out(sandbox):
    """E2B's own server hangs here."""
    await sandbox.run_code("x = 1")
    slow = asyncio.ensure_future(raises(TimeoutException, sandbox.run_code(SLEEP, timeout=1)))
    await asyncio.sleep(0.3)
    waiting = [sandbox.run_code("x += 1; x") for _ in range(2)]
    answers = await quickly(asyncio.gather(*waiting), 20)
    check(sorted(answer.text for answer in answers), ["2", "3"])
    await slow
    check((await quickly(sandbox.run_code("x"))).text, "3")


@case
async def one_that_waits_times_out(sandbox):
    slow = asyncio.ensure_future(sandbox.run_code("import time\ntime.sleep(5)\n'slept'"))
    await asyncio.sleep(0.5)
    await raises(TimeoutException, sandbox.run_code("y = 1", timeout=1))
    check((await slow).text, "slept")
    check((await quickly(sandbox.run_code("y"))).error.name, "NameError")


@case
async def a_request_that_takes_too_long(sandbox):
    # To start node takes longer than this.
    call = sandbox.create_code_context(language="js", request_timeout=0.002)
    contains(await raises(TimeoutException, call), "'request_timeout' option")
    check((await sandbox.run_code("1")).text, "1")


@case
async def a_client_that_goes_away(flavour, sandbox):
    if flavour.name == "sync":
        return  # Nothing stops a thread that waits; its way is the timeout above.
    for code in [SLEEP, "while True: pass"]:
        run = asyncio.ensure_future(sandbox.run_code(code))
        await asyncio.sleep(1)
        run.cancel()
        await asyncio.wait([run])
        check((await quickly(sandbox.run_code("1 + 1"))).text, "2")


@case
async def a_callback_that_fails(sandbox):
    def fail(message):
        raise LookupError(message.line)

    code = "import time\nprint(1, flush=True)\ntime.sleep(60)"
    await raises(LookupError, sandbox.run_code(code, on_stdout=fail))
    check((await quickly(sandbox.run_code("1 + 1"))).text, "2")


@case
async def killed_while_running(flavour):
    for code in [SLEEP, "while True: print('x' * 100)"]:
        sandbox = await flavour.Sandbox.create()
        run = asyncio.ensure_future(sandbox.run_code(code))
        await asyncio.sleep(1)
        check(await sandbox.kill(), True)
        start = time.monotonic()
        contains(await raises(TimeoutException, run), "killed")
        assert time.monotonic() - start < 10
        check(await sandbox.is_running(), False)


@case
async def expired_while_running(flavour):
    sandbox = await flavour.Sandbox.create(timeout=2)
    await raises(TimeoutException, sandbox.run_code(SLEEP))
    check(await sandbox.is_running(), False)


@case
async def killed_with_others_waiting(flavour):
    sandbox = await flavour.Sandbox.create()
    runs = [asyncio.ensure_future(sandbox.run_code(SLEEP)) for _ in range(3)]
    await asyncio.sleep(1)
    await sandbox.kill()
    for run in runs:
        contains(await raises(TimeoutException, quickly(run)), "killed")


@case
async def removed_while_running(sandbox):
    context = await sandbox.create_code_context()
    run = asyncio.ensure_future(sandbox.run_code(SLEEP, context=context))
    await asyncio.sleep(1)
    await sandbox.remove_code_context(context)
    check((await quickly(run)).error.name, "UnexpectedEndOfExecution")
    await raises(NotFoundException, sandbox.run_code("1", context=context))


@case
async def files_commands_and_terminals_are_not_there(sandbox):
    for call in [
        sandbox.files.read("/etc/hostname"),
        sandbox.files.write("a.txt", "text"),
        sandbox.files.list("/"),
        sandbox.files.exists("a.txt"),
        sandbox.commands.run("true"),
        sandbox.commands.list(),
        sandbox.pty.kill(1),
    ]:
        contains(await raises(SandboxException, call), "files and processes")
    check((await sandbox.run_code("1")).text, "1")
