// What E2B's JavaScript client finds when it meets the engine. The environment says where both are.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

const modules = createRequire(process.env.CODE_INTERPRETER_PEER_MODULES + '/')
const { Sandbox, TimeoutError, NotFoundError, SandboxError } = modules('@e2b/code-interpreter')

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const cases = {
  async 'create, info, list and kill'() {
    const mark = { mark: String(Math.random()), 'a b': 'c&d' }
    const sandbox = await Sandbox.create({ metadata: mark, timeoutMs: 60_000 })
    assert.equal(await sandbox.isRunning(), true)
    const info = await sandbox.getInfo()
    assert.deepEqual([info.sandboxId, info.state, info.metadata], [sandbox.sandboxId, 'running', mark])
    const pages = Sandbox.list({ query: { metadata: mark }, limit: 1 })
    assert.deepEqual((await pages.nextItems()).map((each) => each.sandboxId), [sandbox.sandboxId])
    assert.equal(pages.hasNext, false)
    const again = await Sandbox.connect(sandbox.sandboxId)
    assert.equal((await again.runCode('1 + 1')).text, '2')
    assert.ok((await sandbox.getMetrics()).length > 0)
    assert.equal(await sandbox.kill(), true)
    assert.equal(await sandbox.kill(), false)
    assert.equal(await sandbox.isRunning(), false)
    await assert.rejects(Sandbox.connect(sandbox.sandboxId), NotFoundError)
    await assert.rejects(sandbox.runCode('1'), TimeoutError)
  },

  async 'values, prints, errors and callbacks'(sandbox) {
    const seen = []
    const run = await sandbox.runCode("import sys\nprint('hé')\nprint('e', file=sys.stderr)\ndisplay('shown')\n1/0", {
      onStdout: (message) => seen.push(['out', message.line]),
      onStderr: (message) => seen.push(['err', message.line]),
      onResult: (result) => seen.push(['result', result.text]),
      onError: (error) => seen.push(['error', error.name]),
    })
    assert.deepEqual(seen.sort(), [['err', 'e\n'], ['error', 'ZeroDivisionError'], ['out', 'hé\n'], ['result', 'shown']])
    assert.deepEqual([run.error.name, run.error.value], ['ZeroDivisionError', 'division by zero'])
    assert.match(run.error.traceback, /1\/0/)
    assert.deepEqual(run.logs, { stdout: ['hé\n'], stderr: ['e\n'] })
    const value = await sandbox.runCode("{'a': [1, None]}")
    assert.deepEqual([value.executionCount, value.results[0].json], [2, { a: [1, null] }])
    assert.equal((await sandbox.runCode('syntax error')).error.name, 'SyntaxError')
  },

  async 'charts'(sandbox) {
    const run = await sandbox.runCode("import matplotlib.pyplot as plt\nplt.bar(['a', 'b'], [1, 2]); plt.title('T'); plt.show()")
    const [{ png, chart }] = run.results
    assert.ok(png.startsWith('iVBOR'))
    assert.deepEqual([chart.type, chart.title, chart.elements.map((each) => each.value)], ['bar', 'T', [1, 2]])
  },

  async 'contexts'(sandbox) {
    const before = await sandbox.listCodeContexts()
    const context = await sandbox.createCodeContext({ cwd: '/tmp', language: 'python' })
    assert.deepEqual([context.language, context.cwd], ['python', '/tmp'])
    assert.equal((await sandbox.runCode('x = 1\nimport os; os.getcwd()', { context })).text, '/tmp')
    assert.equal((await sandbox.runCode('x')).error.name, 'NameError')
    await sandbox.restartCodeContext(context)
    assert.equal((await sandbox.runCode('x', { context })).error.name, 'NameError')
    assert.equal((await sandbox.listCodeContexts()).length, before.length + 1)
    await sandbox.removeCodeContext(context.id)
    await assert.rejects(sandbox.runCode('1', { context }), NotFoundError)
  },

  async 'languages and variables'(sandbox) {
    for (const [language, code] of [
      ['python', "import os; print(os.environ['NAME'])"],
      ['javascript', 'console.log(process.env.NAME)'],
      ['js', 'console.log(process.env.NAME)'],
      ['bash', 'echo $NAME'],
    ]) {
      const run = await sandbox.runCode(code, { language, envs: { NAME: "it's" } })
      assert.deepEqual(run.logs.stdout, ["it's\n"], language)
    }
    await assert.rejects(sandbox.runCode('1', { language: 'cobol' }), SandboxError)
  },

  async 'pause and connect'(sandbox) {
    await sandbox.runCode('x = 5')
    await sandbox.pause()
    assert.equal((await sandbox.getInfo()).state, 'paused')
    assert.equal(await sandbox.isRunning(), false)
    const again = await Sandbox.connect(sandbox.sandboxId)
    assert.equal((await again.runCode('x')).text, '5')
  },

  async 'timeouts'(sandbox) {
    await sandbox.runCode('x = 1')
    for (const code of ['import time; time.sleep(60)', 'while True: pass']) {
      await assert.rejects(sandbox.runCode(code, { timeoutMs: 1000 }), TimeoutError)
      assert.equal((await sandbox.runCode('x', { timeoutMs: 10_000 })).text, '1')
    }
    await sandbox.setTimeout(1000)
    for (let tries = 0; await sandbox.isRunning(); tries++) {
      assert.ok(tries < 100, 'it never ended')
      await sleep(100)
    }
    await assert.rejects(sandbox.runCode('1'), TimeoutError)
  },

  async 'killed while running'(sandbox) {
    const run = assert.rejects(sandbox.runCode('import time; time.sleep(60)'), TimeoutError)
    await sleep(1000)
    assert.equal(await sandbox.kill(), true)
    await run
  },

  async 'much output'(sandbox) {
    const run = await sandbox.runCode("for n in range(100_000): print(n)\n'é' * 3_000_000")
    assert.equal(run.logs.stdout.join(''), Array.from({ length: 100_000 }, (_, n) => `${n}\n`).join(''))
    assert.equal(run.text.length, 3_000_000)
  },

  async 'what is not there'(sandbox) {
    await assert.rejects(sandbox.files.read('/etc/hostname'), /files and processes/)
    await assert.rejects(sandbox.commands.run('true'), /files and processes/)
    await assert.rejects(sandbox.createSnapshot(), /embedded engine/)
  },
}

console.log('@e2b/code-interpreter', modules('@e2b/code-interpreter/package.json').version, 'node', process.version)
let failed = 0
for (const [name, run] of Object.entries(cases)) {
  const sandbox = run.length > 0 ? await Sandbox.create() : undefined
  try {
    await run(sandbox)
  } catch (error) {
    failed += 1
    console.log(`${name}: FAILED`, error)
  }
  await sandbox?.kill()
}
console.log(`javascript: ${Object.keys(cases).length} cases, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
