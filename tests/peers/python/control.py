"""The control plane: sandboxes come, are listed, pause, and go."""

import asyncio
import datetime
import uuid

from e2b import (
    AuthenticationException,
    InvalidArgumentException,
    NotFoundException,
    SandboxException,
    SandboxQuery,
    SandboxState,
    TimeoutException,
)

from table import case, check, contains, eventually, raises


async def pages(paginator, most=None):
    """All that is listed."""
    listed = []
    while paginator.has_next:
        page = await paginator.next_items()
        assert most is None or len(page) <= most
        listed += page
    await raises(Exception, paginator.next_items())
    return listed


async def ids(flavour, limit=None, **query):
    paginator = await flavour.Sandbox.list(query=SandboxQuery(**query), limit=limit)
    return [info.sandbox_id for info in await pages(paginator, limit)]


async def marked(flavour, count):
    """Sandboxes, one after the other, and metadata that only they have."""
    mark = {"mark": uuid.uuid4().hex}
    return mark, [await flavour.Sandbox.create(metadata=mark) for _ in range(count)]


async def kill(sandboxes):
    for sandbox in sandboxes:
        check(await sandbox.kill(), True)


@case
async def create_tells_what_it_made(flavour):
    sandbox = await flavour.Sandbox.create(timeout=100, metadata={"a": "b", "é 1": "ü&=%+"})
    info = await sandbox.get_info()
    check((info.sandbox_id, info.template_id), (sandbox.sandbox_id, "code-interpreter-v1"))
    check((info.state, info.metadata), (SandboxState.RUNNING, {"a": "b", "é 1": "ü&=%+"}))
    assert info.cpu_count >= 1 and info.memory_mb >= 1 and info.envd_version
    now = datetime.datetime.now(datetime.timezone.utc)
    assert info.started_at < now < info.end_at <= now + datetime.timedelta(seconds=101)
    check(info.lifecycle, {"on_timeout": "kill", "auto_resume": False})
    check(await sandbox.is_running(), True)
    check((await flavour.Sandbox.get_info(sandbox.sandbox_id)).sandbox_id, sandbox.sandbox_id)
    check(await sandbox.kill(), True)


@case
async def templates(flavour):
    sandbox = await flavour.Sandbox.create("base")
    check((await sandbox.get_info()).template_id, "base")
    await sandbox.kill()
    contains(await raises(Exception, flavour.Sandbox.create("no-such-template")), "no-such-template")


@case
async def keys(flavour):
    wrong = "e2b_" + "0" * 40
    await raises(AuthenticationException, flavour.Sandbox.create(api_key=wrong))
    await raises(AuthenticationException, flavour.Sandbox.kill("abc", api_key=wrong))


@case
async def listing_in_pages_newest_first(flavour):
    mark, sandboxes = await marked(flavour, 4)
    newest = [sandbox.sandbox_id for sandbox in reversed(sandboxes)]
    for limit in [1, 3, 4, 100]:
        check(await ids(flavour, limit, metadata=mark), newest)
    await kill(sandboxes)
    check(await ids(flavour, metadata=mark), [])


@case
async def listing_by_metadata(flavour):
    mark = {"mark": uuid.uuid4().hex}
    odd = {"a b": "c&d=e", "%": "100%", "ключ": "+ /?#"}
    sandbox = await flavour.Sandbox.create(metadata={**mark, **odd})
    other = await flavour.Sandbox.create(metadata=mark)
    for query in [odd, {"a b": "c&d=e"}, {"ключ": "+ /?#"}]:
        check(await ids(flavour, metadata={**mark, **query}), [sandbox.sandbox_id])
    check(await ids(flavour, metadata={**mark, "a b": "c"}), [])
    await kill([sandbox, other])


@case
async def listing_by_state(flavour):
    mark, [running, paused] = await marked(flavour, 2)
    await paused.pause()
    check(await ids(flavour, metadata=mark, state=[SandboxState.RUNNING]), [running.sandbox_id])
    check(await ids(flavour, metadata=mark, state=[SandboxState.PAUSED]), [paused.sandbox_id])
    both = [SandboxState.RUNNING, SandboxState.PAUSED]
    for limit in [1, 2]:
        check(await ids(flavour, limit, metadata=mark, state=both), [paused.sandbox_id, running.sandbox_id])
    check(await ids(flavour, metadata=mark), [paused.sandbox_id, running.sandbox_id])
    await kill([running, paused])


@case
async def listing_by_start_and_template(flavour):
    mark, [first, second] = await marked(flavour, 2)
    start = (await second.get_info()).started_at
    check(await ids(flavour, metadata=mark, started_after=start), [second.sandbox_id])
    check(await ids(flavour, metadata=mark, template="base"), [])
    check(len(await ids(flavour, metadata=mark, template="code-interpreter-v1")), 2)
    await kill([first, second])


@case
async def kill_and_what_is_gone(flavour):
    sandbox = await flavour.Sandbox.create()
    check(await sandbox.kill(), True)
    check(await sandbox.kill(), False)
    check(await flavour.Sandbox.kill(sandbox.sandbox_id), False)
    check(await flavour.Sandbox.kill("nosuchsandbox"), False)
    check(await sandbox.is_running(), False)
    await raises(NotFoundException, sandbox.get_info())
    await raises(NotFoundException, sandbox.set_timeout(9))
    await raises(NotFoundException, sandbox.pause())
    await raises(NotFoundException, sandbox.connect())
    await raises(NotFoundException, flavour.Sandbox.connect("nosuchsandbox"))
    for call in [sandbox.run_code("1"), sandbox.list_code_contexts(), sandbox.create_code_context()]:
        contains(await raises(TimeoutException, call), "sandbox was not found")


@case
async def killed_by_name_alone(flavour, sandbox):
    other = await flavour.Sandbox.create()
    check(await flavour.Sandbox.kill(other.sandbox_id), True)
    check((await other.is_running(), await sandbox.is_running()), (False, True))


@case
async def timeouts_move_both_ways(flavour, sandbox):
    async def left():
        info = await sandbox.get_info()
        return (info.end_at - datetime.datetime.now(datetime.timezone.utc)).total_seconds()

    assert 280 < await left() <= 300
    await sandbox.set_timeout(1000)
    assert 980 < await left() <= 1000
    await flavour.Sandbox.set_timeout(sandbox.sandbox_id, 100)
    assert 80 < await left() <= 100
    # A connect moves the end later only.
    await sandbox.connect(timeout=50)
    assert 80 < await left() <= 100
    await flavour.Sandbox.connect(sandbox.sandbox_id, timeout=200)
    assert 180 < await left() <= 200


@case
async def a_time_that_is_over(flavour, sandbox):
    short = await flavour.Sandbox.create(timeout=2)
    check(await short.is_running(), True)
    await sandbox.set_timeout(1)
    for each in [short, sandbox]:
        async def is_gone(each=each):
            return not await each.is_running()

        await eventually("it ended", is_gone)
        await raises(TimeoutException, each.run_code("1"))
        await raises(NotFoundException, each.get_info())
        check(await each.kill(), False)


@case
async def connect_shares_the_state(flavour, sandbox):
    await sandbox.run_code("x = 17")
    again = await flavour.Sandbox.connect(sandbox.sandbox_id)
    check((again.sandbox_id, (await again.run_code("x")).text), (sandbox.sandbox_id, "17"))
    check((await again.get_info()).envd_version, (await sandbox.get_info()).envd_version)


@case
async def pause_and_resume(flavour, sandbox):
    await sandbox.run_code("x = [1]")
    assert await sandbox.pause() in (True, None)
    check(await flavour.Sandbox.pause(sandbox.sandbox_id), False)
    check((await sandbox.get_info()).state, SandboxState.PAUSED)
    check(await sandbox.is_running(), False)
    await raises(TimeoutException, sandbox.run_code("x"))
    await raises(NotFoundException, sandbox.set_timeout(9))
    again = await flavour.Sandbox.connect(sandbox.sandbox_id, timeout=60)
    check((await again.run_code("x")).text, "[1]")
    check((await sandbox.run_code("x.append(2); x")).text, "[1, 2]")
    check(await sandbox.is_running(), True)
    await sandbox.pause()
    await sandbox.connect()
    check((await sandbox.run_code("x")).text, "[1, 2]")
    await sandbox.pause()
    check(await sandbox.kill(), True)


@case
async def a_pause_that_keeps_no_memory_is_refused(sandbox):
    contains(await raises(SandboxException, sandbox.pause(keep_memory=False)), "501", "memory")
    check((await sandbox.run_code("1")).text, "1")


@case
async def paused_at_the_end_of_its_time(flavour):
    sandbox = await flavour.Sandbox.create(timeout=1, lifecycle={"on_timeout": "pause"})
    await sandbox.run_code("x = 3")

    async def is_paused():
        return (await sandbox.get_info()).state == SandboxState.PAUSED

    await eventually("it was paused", is_paused)
    check((await sandbox.get_info()).lifecycle, {"on_timeout": "pause", "auto_resume": False})
    check(await sandbox.is_running(), False)
    await sandbox.connect(timeout=60)
    check((await sandbox.run_code("x")).text, "3")
    await sandbox.kill()


@case
async def resumed_by_what_comes_in(flavour):
    sandbox = await flavour.Sandbox.create(timeout=30, lifecycle={"on_timeout": "pause", "auto_resume": True})
    check((await sandbox.get_info()).lifecycle, {"on_timeout": "pause", "auto_resume": True})
    await sandbox.run_code("x = 4")
    for _ in range(2):
        await sandbox.pause()
        check((await sandbox.get_info()).state, SandboxState.PAUSED)
        answers = await asyncio.gather(*(sandbox.run_code("x") for _ in range(3)))
        check([answer.text for answer in answers], ["4"] * 3)
    await sandbox.kill()
    await raises(TimeoutException, sandbox.run_code("x"))


@case
async def metrics(flavour, sandbox):
    [*_, point] = await sandbox.get_metrics()
    assert point.cpu_count >= 1 and 0 < point.mem_used < point.mem_total and 0 <= point.cpu_used_pct <= 100
    assert 0 <= point.disk_used < point.disk_total
    past = datetime.datetime.now() - datetime.timedelta(hours=1)
    check(await sandbox.get_metrics(past, past + datetime.timedelta(minutes=1)), [])
    assert await flavour.Sandbox.get_metrics(sandbox.sandbox_id, start=past)
    await raises(Exception, flavour.Sandbox.get_metrics("nosuchsandbox"))


@case
async def closed_to_strangers(flavour):
    sandbox = await flavour.Sandbox.create(network={"allow_public_traffic": False})
    assert sandbox.traffic_access_token
    check((await sandbox.run_code("2")).text, "2")
    again = await flavour.Sandbox.connect(sandbox.sandbox_id)
    check(again.traffic_access_token, sandbox.traffic_access_token)
    context = await again.create_code_context()
    check((await again.run_code("3", context=context)).text, "3")
    check((await again.is_running(), await again.kill()), (True, True))


@case
async def no_internet_is_what_it_says(flavour):
    sandbox = await flavour.Sandbox.create(allow_internet_access=False)
    code = "import socket\nsocket.create_connection(('1.1.1.1', 53), 3)"
    assert (await sandbox.run_code(code)).error
    check((await sandbox.get_info()).allow_internet_access, False)
    await sandbox.kill()


@case
async def what_needs_a_virtual_machine_says_so(flavour, sandbox):
    for call in [
        sandbox.create_snapshot(),
        sandbox.fork(),
        sandbox.update_network({"allow_out": ["8.8.8.8"]}),
        flavour.Sandbox.create(network={"deny_out": ["0.0.0.0/0"]}),
        flavour.Sandbox.create(network={"allow_out": ["1.1.1.1"]}),
        flavour.Sandbox.create(volume_mounts={"/mnt": "volume"}),
        flavour.Volume.create("volume"),
    ]:
        contains(await raises(Exception, call), "501", "embedded engine")
    snapshots = await sandbox.list_snapshots()
    contains(await raises(SandboxException, snapshots.next_items()), "501", "embedded engine")
    await raises(InvalidArgumentException, flavour.Sandbox.create(lifecycle={"on_timeout": "kill", "auto_resume": True}))
    check((await sandbox.run_code("1")).text, "1")


@case
async def several_at_a_time(flavour):
    sandboxes = await asyncio.gather(*(flavour.Sandbox.create(envs={"N": str(n)}) for n in range(5)))
    check(len({sandbox.sandbox_id for sandbox in sandboxes}), 5)
    answers = await asyncio.gather(*(sandbox.run_code("import os; os.environ['N']") for sandbox in sandboxes))
    check([answer.text for answer in answers], list("01234"))
    check(await asyncio.gather(*(sandbox.kill() for sandbox in sandboxes)), [True] * 5)
