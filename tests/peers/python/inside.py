"""Contexts, languages and variables of the environment."""

import asyncio

from e2b import InvalidArgumentException, NotFoundException, SandboxException

from table import case, check, contains, raises


@case
async def default_contexts(sandbox):
    contexts = await sandbox.list_code_contexts()
    check([context.language for context in contexts], ["python", "javascript"])
    await sandbox.run_code("echo", language="bash")
    contexts = await sandbox.list_code_contexts()
    check([context.language for context in contexts], ["python", "javascript", "bash"])
    await sandbox.run_code("x = 5")
    check((await sandbox.run_code("x", context=contexts[0])).text, "5")
    check((await sandbox.run_code("x", language="python")).text, "5")


@case
async def contexts_come_and_go(sandbox):
    before = [context.id for context in await sandbox.list_code_contexts()]
    first, second = await sandbox.create_code_context(), await sandbox.create_code_context(language="js")
    check((first.language, second.language), ("python", "javascript"))
    check([context.id for context in await sandbox.list_code_contexts()], before + [first.id, second.id])
    await sandbox.remove_code_context(first)
    await sandbox.remove_code_context(second.id)
    check([context.id for context in await sandbox.list_code_contexts()], before)
    for call in [
        sandbox.run_code("1", context=first),
        sandbox.remove_code_context(first),
        sandbox.restart_code_context(first.id),
    ]:
        contains(await raises(NotFoundException, call), f"Context {first.id} not found")


@case
async def contexts_are_apart(sandbox):
    context = await sandbox.create_code_context()
    await sandbox.run_code("x = 1")
    await sandbox.run_code("x = 2", context=context)
    check((await sandbox.run_code("x")).text, "1")
    check((await sandbox.run_code("x", context=context)).text, "2")
    counts = [(await sandbox.run_code("0", context=each)).execution_count for each in [context, context, None]]
    check(counts, [3, 4, 3])


@case
async def directories_of_contexts(sandbox):
    pwd = {"python": "import os; print(os.getcwd())", "javascript": "console.log(process.cwd())", "bash": "pwd"}
    for language, code in pwd.items():
        context = await sandbox.create_code_context(cwd="/tmp", language=language)
        check((context.cwd, context.language), ("/tmp", language))
        check((await sandbox.run_code(code, context=context)).logs.stdout, ["/tmp\n"])
    # One that cannot be entered is not told of.
    lost = await sandbox.create_code_context(cwd="/no/such/place")
    check((lost.cwd, (await sandbox.run_code("1", context=lost)).text), ("/no/such/place", "1"))


@case
async def restarted_contexts(sandbox):
    context = await sandbox.create_code_context(cwd="/tmp")
    await sandbox.run_code("x = 1", context=context)
    await sandbox.restart_code_context(context)
    check((await sandbox.run_code("x", context=context)).error.name, "NameError")
    default = (await sandbox.list_code_contexts())[0]
    await sandbox.run_code("y = 1")
    await sandbox.restart_code_context(default.id)
    check((await sandbox.run_code("y")).error.name, "NameError")
    check((await sandbox.run_code("1")).text, "1")


@case
async def a_restart_ends_the_run(sandbox):
    context = await sandbox.create_code_context()
    run = asyncio.ensure_future(sandbox.run_code("import time\ntime.sleep(60)", context=context))
    await asyncio.sleep(1)
    await sandbox.restart_code_context(context)
    check((await run).error.name, "ContextRestarting")
    check((await sandbox.run_code("1", context=context)).text, "1")


@case
async def contexts_run_side_by_side(sandbox):
    contexts = [await sandbox.create_code_context() for _ in range(2)]
    code = "import os, time\nopen('{}', 'w').close()\nend = time.time() + 20\nwhile not os.path.exists('{}') and time.time() < end: time.sleep(0.01)\nos.path.exists('{}')"
    names = [("a", "b"), ("b", "a")]
    runs = [sandbox.run_code(code.format(own, other, other), context=context)
            for context, (own, other) in zip(contexts, names)]
    check([run.text for run in await asyncio.gather(*runs)], ["True", "True"])


@case
async def one_run_at_a_time_in_a_context(sandbox):
    await sandbox.run_code("import time\nlog = []")
    runs = [sandbox.run_code(f"log.append({n}); time.sleep(0.2); log.append({n})") for n in range(4)]
    await asyncio.gather(*runs)
    check((await sandbox.run_code("log[::2] == log[1::2] and sorted(log[::2])")).text, "[0, 1, 2, 3]")


@case
async def language_or_context(sandbox):
    [context, *_] = await sandbox.list_code_contexts()
    await raises(InvalidArgumentException, sandbox.run_code("1", context=context, language="python"))


@case
async def javascript(sandbox):
    for name in ["javascript", "js", "JavaScript"]:
        check((await sandbox.run_code("var n = 6 * 7; n", language=name)).text, "42")
    run = await sandbox.run_code("console.log('a', 1)\nconsole.error('b')", language="js")
    check((run.logs.stdout, run.logs.stderr), (["a 1\n"], ["b\n"]))
    run = await sandbox.run_code("const {join} = await import('node:path'); let x = await Promise.resolve(join('a', 'b')); x",
                                 language="js")
    check(run.text, "a/b")
    check((await sandbox.run_code("let x = 2; x", language="js")).text, "2")
    check((await sandbox.run_code("({a: [1, null]})", language="js")).results[0].json, {"a": [1, None]})
    error = (await sandbox.run_code("throw new TypeError('bad')", language="js")).error
    check((error.name, error.value), ("TypeError", "bad"))
    assert (await sandbox.run_code("let = = 3", language="js")).error.name == "SyntaxError"


@case
async def bash(sandbox):
    run = await sandbox.run_code("x=7\nfor n in 1 2; do echo $n; done; echo err >&2", language="bash")
    check(("".join(run.logs.stdout), run.logs.stderr, run.error), ("1\n2\n", ["err\n"], None))
    check((await sandbox.run_code("echo $x; cd /tmp", language="bash")).logs.stdout, ["7\n"])
    check((await sandbox.run_code("pwd", language="bash")).logs.stdout, ["/tmp\n"])
    contains((await sandbox.run_code("false", language="bash")).error.value, "1")


@case
async def typescript_where_there(sandbox):
    code = "const words: string[] = ['a']; interface A { n: number }; const a: A = {n: 3}; a.n"
    try:
        run = await sandbox.run_code(code, language="typescript")
    except SandboxException as error:
        contains(error, "500", "Failed to create context", "node")
        return
    check(run.text, "3")
    check((await sandbox.run_code("a.n + 1", language="ts")).text, "4")


@case
async def languages_that_are_not_there(sandbox):
    for language in ["r", "java", "cobol"]:
        for call in [sandbox.run_code("1", language=language), sandbox.create_code_context(language=language)]:
            contains(await raises(SandboxException, call), "500", "Failed to create context", language)
    check((await sandbox.run_code("1")).text, "1")


@case
async def variables_of_the_sandbox(flavour):
    odd = "it's \"quoted\" $HOME `x` \\ \n\té"
    sandbox = await flavour.Sandbox.create(envs={"NAME": "wide", "ODD": odd})
    check((await sandbox.run_code("import os; os.environ['NAME']")).text, "wide")
    check((await sandbox.run_code("print(os.environ['ODD'], end='')")).logs.stdout, [odd])
    check((await sandbox.run_code("process.env.NAME", language="js")).text, "wide")
    check((await sandbox.run_code("echo $NAME", language="bash")).logs.stdout, ["wide\n"])
    context = await sandbox.create_code_context()
    check((await sandbox.run_code("import os; os.environ['NAME']", context=context)).text, "wide")
    await sandbox.kill()


@case
async def variables_of_a_run(flavour):
    sandbox = await flavour.Sandbox.create(envs={"BOTH": "wide"})
    odd = "a'b\"c\n$x\\"
    for language, code in [
        ("python", "import os\nprint(os.environ.get('BOTH'), os.environ.get('ONCE'), end='')"),
        ("javascript", "process.stdout.write(`${process.env.BOTH} ${process.env.ONCE ?? 'None'}`)"),
        ("bash", "printf '%s %s' \"$BOTH\" \"${ONCE-None}\""),
    ]:
        run = await sandbox.run_code(code, language=language, envs={"BOTH": "own", "ONCE": odd})
        check("".join(run.logs.stdout), f"own {odd}")
        check("".join((await sandbox.run_code(code, language=language)).logs.stdout), "wide None")
    # They move no line numbers.
    error = (await sandbox.run_code("1/0", envs={"A": "1", "B": "2"})).error
    contains(error.traceback, "line 1")
    await sandbox.kill()
