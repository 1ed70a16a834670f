"""What E2B's own Python client finds when it meets the engine: ten sandboxes at a time, sync and async."""

import asyncio
import concurrent.futures
import importlib.metadata
import time
import traceback

from e2b import NotFoundException, SandboxQuery, SandboxState, TimeoutException
from e2b_code_interpreter import AsyncSandbox, Sandbox
from python.table import check, raises as raises_async

COUNT = 10


def raises(kind, call, *arguments, **options):
    try:
        answer = call(*arguments, **options)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {answer!r}")


def use(number):
    sandbox = Sandbox.create(metadata={"number": str(number), "a b": "c&d"}, envs={"NUMBER": str(number)})
    check(sandbox.is_running(), True)
    check(sandbox.run_code("1 + 1").text, "2")
    execution = sandbox.run_code("import os, sys\nprint('hé'); print('e', file=sys.stderr)\nx = int(os.environ['NUMBER'])\nx")
    logs = ["".join(lines) for lines in (execution.logs.stdout, execution.logs.stderr)]
    check((execution.text, logs), (str(number), ["hé\n", "e\n"]))
    check(execution.execution_count, 2)
    error = sandbox.run_code("1 / 0").error
    check((error.name, error.value), ("ZeroDivisionError", "division by zero"))
    assert "1 / 0" in error.traceback, error.traceback
    check(sandbox.run_code("x").text, str(number))
    check(sandbox.run_code("os.environ['ONCE']", envs={"ONCE": "1"}).text, "1")
    check(sandbox.run_code("x", language="python").text, str(number))
    return sandbox


def contexts(sandbox):
    default = sandbox.list_code_contexts()
    context = sandbox.create_code_context(cwd="/")
    check((context.language, context.cwd), ("python", "/"))
    check([each.id for each in sandbox.list_code_contexts()], [each.id for each in default] + [context.id])
    check(sandbox.run_code("import os; os.getcwd()", context=context).text, "/")
    check(sandbox.run_code("x", context=context).error.name, "NameError")
    sandbox.restart_code_context(context)
    check(sandbox.run_code("os", context=context).error.name, "NameError")
    sandbox.remove_code_context(context)
    raises(NotFoundException, sandbox.run_code, "1", context=context)
    assert "cobol" in str(raises(Exception, sandbox.run_code, "1", language="cobol"))


def callbacks(sandbox):
    seen = []
    sandbox.run_code(
        "import sys\nprint('out'); sys.stdout.flush()\nprint('err', file=sys.stderr)\ndisplay('shown')\n1 / 0",
        on_stdout=lambda message: seen.append(("stdout", message.line)),
        on_stderr=lambda message: seen.append(("stderr", message.line)),
        on_result=lambda result: seen.append(("result", result.text)),
        on_error=lambda error: seen.append(("error", error.name)),
    )
    expected = [("stdout", "out\n"), ("stderr", "err\n"), ("result", "shown"), ("error", "ZeroDivisionError")]
    check(sorted(seen), sorted(expected))


def timeouts(sandbox):
    assert "timeout" in str(raises(TimeoutException, sandbox.run_code, "import time; time.sleep(60)", timeout=1))
    start = time.monotonic()
    check(sandbox.run_code("1 + 1").text, "2")
    assert time.monotonic() - start < 5
    check(sandbox.run_code("x").text, "0")


def control(sandboxes):
    first = sandboxes[0]
    ids = [sandbox.sandbox_id for sandbox in reversed(sandboxes)]
    pages = Sandbox.list(query=SandboxQuery(metadata={"a b": "c&d"}, state=[SandboxState.RUNNING]), limit=4)
    listed = []
    while pages.has_next:
        page = pages.next_items()
        assert len(page) <= 4
        listed += page
    check(sorted(info.sandbox_id for info in listed), sorted(ids))
    one = Sandbox.list(query=SandboxQuery(metadata={"number": "0"})).next_items()
    check([info.sandbox_id for info in one], [first.sandbox_id])
    info = first.get_info()
    check((info.sandbox_id, info.metadata["a b"]), (first.sandbox_id, "c&d"))
    first.set_timeout(600)
    assert first.get_info().end_at > info.end_at
    again = Sandbox.connect(first.sandbox_id)
    check(again.run_code("x").text, "0")
    raises(NotFoundException, Sandbox.connect, "nosuchsandbox")
    private = Sandbox.create(network={"allow_public_traffic": False})
    assert private.traffic_access_token
    check(private.run_code("2").text, "2")
    check(private.kill(), True)


def paused(sandbox):
    sandbox.pause()
    check(sandbox.is_running(), False)
    raises(TimeoutException, sandbox.run_code, "1")
    check(sandbox.get_info().state, SandboxState.PAUSED)
    page = Sandbox.list(query=SandboxQuery(state=[SandboxState.PAUSED])).next_items()
    check([info.sandbox_id for info in page], [sandbox.sandbox_id])
    sandbox.pause()
    sandbox.connect(timeout=120)
    check(sandbox.is_running(), True)
    check(sandbox.run_code("x").text, "1")
    metrics = sandbox.get_metrics()[-1]
    assert 0 < metrics.mem_used < metrics.mem_total and 0 < metrics.disk_used < metrics.disk_total, metrics
    assert 0 <= metrics.cpu_used_pct <= 100 and metrics.cpu_count > 0, metrics


def killed_while_running(sandbox):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(sandbox.run_code, "import time; time.sleep(60)")
        time.sleep(1)
        check(sandbox.kill(), True)
        error = raises(TimeoutException, running.result, 10)
    assert "killed" in str(error), error


def gone(sandbox):
    check(sandbox.is_running(), False)
    raises(TimeoutException, sandbox.run_code, "1")
    raises(NotFoundException, sandbox.get_info)
    check(sandbox.kill(), False)


def synchronous():
    with concurrent.futures.ThreadPoolExecutor(COUNT) as pool:
        sandboxes = list(pool.map(use, range(COUNT)))
        check(len({sandbox.sandbox_id for sandbox in sandboxes}), COUNT)
        list(pool.map(contexts, sandboxes))
        list(pool.map(callbacks, sandboxes))
        timeouts(sandboxes[0])
        control(sandboxes)
        paused(sandboxes[1])
        killed_while_running(sandboxes[-1])
        check(list(pool.map(Sandbox.kill, sandboxes[:-1])), [True] * (COUNT - 1))
        list(pool.map(gone, sandboxes))


async def use_async(number):
    sandbox = await AsyncSandbox.create(metadata={"async": "yes"})
    seen = []

    async def hear(message):
        seen.append(message.line)

    execution = await sandbox.run_code(f"print({number})\nx = {number}\nx", on_stdout=hear)
    check((execution.text, "".join(seen)), (str(number), f"{number}\n"))
    check((await sandbox.run_code("nope")).error.name, "NameError")
    context = await sandbox.create_code_context()
    check((await sandbox.run_code("x", context=context)).error.name, "NameError")
    await sandbox.remove_code_context(context)
    check((await sandbox.list_code_contexts())[0].language, "python")
    await raises_async(TimeoutException, sandbox.run_code("import time; time.sleep(60)", timeout=1))
    check((await sandbox.run_code("1 + 1")).text, "2")
    check((await sandbox.run_code("x")).text, str(number))
    again = await AsyncSandbox.connect(sandbox.sandbox_id)
    check((await again.run_code("x")).text, str(number))
    return sandbox


async def end_async(sandbox):
    check(await sandbox.kill(), True)
    check(await sandbox.is_running(), False)
    await raises_async(TimeoutException, sandbox.run_code("1"))
    check(await sandbox.kill(), False)


async def asynchronous():
    sandboxes = await asyncio.gather(*map(use_async, range(COUNT)))
    pages = AsyncSandbox.list(query=SandboxQuery(metadata={"async": "yes"}))
    check(len(await pages.next_items()), COUNT)
    await asyncio.gather(*map(end_async, sandboxes))
    check(await AsyncSandbox.list().next_items(), [])


for package in ["e2b", "e2b-code-interpreter"]:
    print(package, importlib.metadata.version(package))
for part in [synchronous, asynchronous]:
    start = time.monotonic()
    try:
        asyncio.run(part()) if asyncio.iscoroutinefunction(part) else part()
    except BaseException:
        traceback.print_exc()
        raise SystemExit(f"{part.__name__}: failed")
    print(f"{part.__name__}: ok, {time.monotonic() - start:.1f} s")
