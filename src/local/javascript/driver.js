// Runs JavaScript, or TypeScript, for one context, as the body of a function of (require, load, language).
//
// The control socket on descriptor 3 carries what python/driver.py describes. Text is written to descriptors 1 and 2 at
// once; after a result or an error the driver waits for its acknowledgment, so that the order of both is kept.

const { readSync, writeSync } = require('fs');
const { createRequire, stripTypeScriptTypes, syncBuiltinESMExports } = require('module');
const net = require('net');
const { join, resolve } = require('path');
const { Writable } = require('stream');
const timers = require('timers');
const { pathToFileURL } = require('url');
const { inspect, promisify, types } = require('util');
const vm = require('vm');

const { setImmediate } = timers;

// User code may replace what these have by these names.
const { parse, stringify } = JSON;
const { Console } = console;
const { process } = globalThis;

const MAX_EVENT = 200 * 1024 * 1024;
const CONTROL = 3;
const cell = { number: 0, running: null };

// --- descriptors -----------------------------------------------------------------------------------------------

const nap = new Int32Array(new SharedArrayBuffer(4));

// Tries until a descriptor that another process has made non-blocking can be used.
function sturdily(attempt) {
  for (let wait = 0.05; ; wait = Math.min(wait * 1.2, 5)) {
    try {
      return attempt();
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
    Atomics.wait(nap, 0, 0, wait);
  }
}

function writeAll(descriptor, data) {
  for (let at = 0; at < data.length; ) at += sturdily(() => writeSync(descriptor, data, at));
}

// JSON has escapes for halves of surrogate pairs, and UTF-8 has nothing for them.
function encode(value) {
  const text = stringify(value);
  if (!/\\ud[89a-f]/.test(text)) return text;
  return text.replace(/\\(?:u(d[89a-f]..)|.)/g, (escape, half) => (half ? '\\ufffd' : escape));
}

const control = {
  unread: [],
  acks: 0,
  acknowledged: 0,
  isWriting: false,

  send(event) {
    let line = Buffer.from(`${encode({ run: cell.running?.run, ...event })}\n`);
    if (line.length > MAX_EVENT) {
      throw new RangeError(`a result of ${line.length} bytes is over the limit of ${MAX_EVENT}`);
    }
    // An interrupt in the middle of `display` has left half a line.
    if (this.isWriting) line = Buffer.concat([Buffer.from('\n'), line]);
    this.isWriting = true;
    writeAll(CONTROL, line);
    this.isWriting = false;
  },

  sendAndWait(event) {
    const ack = ++this.acks;
    this.send({ ...event, ack });
    const data = Buffer.alloc(65536);
    while (this.acknowledged < ack) {
      const length = sturdily(() => readSync(CONTROL, data));
      if (length === 0) process.reallyExit(0);
      for (const order of this.take(Buffer.from(data.subarray(0, length)))) obey(order);
    }
  },

  // The orders that are complete with these bytes.
  take(data) {
    const end = data.lastIndexOf(10);
    if (end < 0) {
      this.unread.push(data);
      return [];
    }
    const lines = Buffer.concat([...this.unread, data.subarray(0, end)]).toString();
    this.unread = [data.subarray(end + 1)];
    return lines.split('\n').map((line) => parse(line));
  },
};

// A stream that is written to at once, and that keeps nothing which an interrupt could leave half done. As the streams
// of a process it cannot be closed.
function openStream(descriptor) {
  const write = (chunk, ...rest) => {
    const done = rest.at(-1);
    try {
      writeAll(descriptor, Buffer.from(chunk, typeof rest[0] === 'string' ? rest[0] : undefined));
    } catch (error) {
      if (error.code !== 'EPIPE') throw error; // nobody reads any more
    }
    if (typeof done === 'function') process.nextTick(done);
    return true;
  };
  const end = (chunk, ...rest) => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) write(chunk, ...rest);
    return stream;
  };
  const stream = Object.assign(new Writable(), { fd: descriptor, isTTY: false, write, end, destroy: () => stream });
  return stream;
}

// --- code ------------------------------------------------------------------------------------------------------

// The parser that node's own prompt uses, and what it makes of `await` at the top.
const { clearAsyncIdStack } = require('internal/async_hooks');
const { parse: parseCode } = require('internal/deps/acorn/acorn/dist/acorn');
const { processTopLevelAwait } = require('internal/repl/await');
const SYNTAX = { ecmaVersion: 'latest', allowAwaitOutsideFunction: true, allowImportExportEverywhere: true };

function withoutTypes(source) {
  if (language !== 'typescript') return source;
  try {
    return stripTypeScriptTypes(source, { mode: 'strip' });
  } catch (error) {
    if (error.code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') throw error;
    return stripTypeScriptTypes(source, { mode: 'transform' });
  }
}

// A cell as a script: what it declares may be declared again, and `import` is a call. Lines stay where they are.
function asScript(source) {
  let tree;
  try {
    tree = parseCode(source, SYNTAX);
  } catch {
    return source; // for the real parser to complain about
  }
  const changes = tree.body.flatMap((node) => {
    switch (node.type) {
      case 'VariableDeclaration':
        return [[node.start, node.start + node.kind.length, 'var']];
      case 'ClassDeclaration':
        return [[node.start, node.start, `var ${node.id.name} = `], [node.end, node.end, ';']];
      case 'ImportDeclaration':
        return [[node.start, node.end, importCall(node, source)]];
      default:
        return [];
    }
  });
  for (const [start, end, text] of changes.reverse()) {
    const lines = source.slice(start, end).split('\n').length - text.split('\n').length;
    source = source.slice(0, start) + text + '\n'.repeat(lines) + source.slice(end);
  }
  return source;
}

function importCall({ specifiers, source: from, attributes = [] }, source) {
  const options = attributes.map(({ key, value }) => `${source.slice(key.start, key.end)}: ${value.raw}`);
  const call = `await import(${from.raw}${options.length > 0 ? `, { with: { ${options.join(', ')} } }` : ''});`;
  const all = specifiers.find(({ type }) => type === 'ImportNamespaceSpecifier')?.local.name;
  const names = specifiers.flatMap(({ type, imported, local }) => {
    if (type === 'ImportNamespaceSpecifier') return [];
    return [`${imported ? source.slice(imported.start, imported.end) : 'default'}: ${local.name}`];
  });
  const parts = [all, names.length > 0 && `{ ${names.join(', ')} }`].filter(Boolean);
  if (parts.length === 0) return call;
  return parts.length === 1 ? `var ${parts[0]} = ${call}` : `var ${all} = ${call} var ${parts[1]} = ${all};`;
}

// A script with `await` at the top as a call of an async function; null when there is none.
function withAwait(source) {
  try {
    return /\bawait\b/.test(source) ? processTopLevelAwait(source) : null;
  } catch {
    return null;
  }
}

// `require` and `import` look from the working directory, wherever it is by now.
function lookFrom(directory) {
  if (directory === lookFrom.directory) return;
  lookFrom.directory = directory;
  globalThis.require = createRequire(join(directory, '<cell>'));
}

const importModuleDynamically =
  vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER ??
  ((what) => load(/^(\.\.?)?\//.test(what) ? pathToFileURL(resolve(what)).href : what));

// The value of a cell, in a box: a promise that is the value is not waited for.
async function evaluate(code) {
  const filename = `<cell-${cell.number}>`;
  const source = asScript(withoutTypes(code));
  const awaiting = withAwait(source);
  const script = new vm.Script(awaiting ?? source, { filename, importModuleDynamically });
  const value = script.runInThisContext();
  return awaiting === null ? { value } : ((await value) ?? {});
}

// --- interrupts ------------------------------------------------------------------------------------------------

class Interrupted extends Error {
  name = 'KeyboardInterrupt';
}

const hatch = { call: null };
Object.defineProperty(globalThis, Symbol.for('code-interpreter'), { value: hatch });
const guard = new vm.Script(`globalThis[Symbol.for('code-interpreter')].call()`, { filename: '<code-interpreter>' });

// Calls a function that SIGINT ends, whatever it does, together with the promises that it settles.
function interruptible(action) {
  let outcome;
  hatch.call = () => {
    outcome = action();
    process._tickCallback?.();
  };
  try {
    guard.runInThisContext({ breakOnSigint: true, displayErrors: false });
  } catch (error) {
    if (error?.code !== 'ERR_SCRIPT_EXECUTION_INTERRUPTED') throw error;
    clearAsyncIdStack(); // a callback that was ended has not left it
    throw new Interrupted('Interrupted');
  }
  return outcome;
}

function interrupt() {
  cell.running?.interrupt();
}

// Timers that an interrupted cell has set do not go on behind the back of the next one.
function trackTimers() {
  for (const name of ['setTimeout', 'setInterval', 'setImmediate']) {
    const original = timers[name];
    const tracked = (action, ...given) => {
      const { running } = cell;
      if (!running || typeof action !== 'function') return original(action, ...given);
      const timer = original(function (...values) {
        if (name !== 'setInterval') running.timers.delete(timer);
        return action.apply(this, values);
      }, ...given);
      running.timers.add(timer);
      return timer;
    };
    globalThis[name] = timers[name] = tracked;
    if (name !== 'setInterval') trackPromises(name, tracked);
  }
  syncBuiltinESMExports();
}

// The same for the kind that gives a promise, which is never kept then.
function trackPromises(name, tracked) {
  const promised = require('timers/promises');
  const original = promised[name];
  const delays = name === 'setTimeout' ? 1 : 0;
  promised[name] = (...given) => {
    const [value, options] = given.slice(delays);
    if (options !== undefined) return original(...given);
    return new Promise((resolve) => tracked(resolve, ...given.slice(0, delays), value));
  };
  tracked[promisify.custom] = promised[name];
}

// --- what a client gets to see -----------------------------------------------------------------------------------

const SHOW = Symbol.for('Jupyter.display');

function isPlain(value) {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === null || prototype === Object.prototype;
}

function json(value) {
  try {
    return encode(value);
  } catch {
    return undefined; // a circle, a BigInt
  }
}

// MIME type -> text of everything that the value offers.
function representations(value) {
  const data = { 'text/plain': types.isNativeError(value) ? stackOf(value) : inspect(value, { maxStringLength: Infinity }) };
  if (isPlain(value)) data['application/json'] = json(value);
  const offered = typeof value?.[SHOW] === 'function' ? value[SHOW]() : {};
  for (const [mime, content] of Object.entries(offered)) {
    data[mime] = typeof content === 'string' && !/[/+]json$/.test(mime) ? content : json(content);
  }
  return data;
}

function show(value, main) {
  control.sendAndWait({ event: 'result', main, data: representations(value) });
}

const OURS = /^ +at .*(node:internal|node:vm|<code-interpreter>)/;

// The stack of an error and of its causes, as far as it is not ours: up to the last frame of a cell.
function stackOf(error, depth = 0) {
  const lines = `${error.stack}`.split('\n');
  const last = lines.map((line) => /^ +at .*<cell-/.test(line)).lastIndexOf(true);
  const stack = (last < 0 ? lines : lines.slice(0, last + 1)).filter((line) => !OURS.test(line)).join('\n');
  const { cause } = error;
  if (cause === undefined || depth > 9) return stack;
  return `${stack}\nCaused by: ${types.isNativeError(cause) ? stackOf(cause, depth + 1) : inspect(cause)}`;
}

// Name, value and traceback; user code may have broken each of the three.
function describe(error) {
  try {
    if (error instanceof Interrupted) return { name: error.name, value: error.message, traceback: `${error}\n` };
    if (types.isNativeError(error) || error instanceof Error) {
      return { name: `${error.name}`, value: `${error.message}`, traceback: `${stackOf(error)}\n` };
    }
    const value = inspect(error);
    return { name: 'Uncaught', value, traceback: `Uncaught ${value}\n` };
  } catch {
    return { name: 'Error', value: '<the error cannot be shown>', traceback: '' };
  }
}

// --- one run after the other -------------------------------------------------------------------------------------

const waiting = [];

function obey(order) {
  if (order.op === 'ack') control.acknowledged = Math.max(control.acknowledged, order.ack);
  else waiting.push(order);
}

async function run({ run, code, env }) {
  cell.number += 1;
  const before = Object.keys(env).map((name) => [name, process.env[name]]);
  Object.assign(process.env, env);
  if (!process.listeners('SIGINT').includes(interrupt)) process.on('SIGINT', interrupt);
  const interrupted = new Promise((_resolve, reject) => {
    cell.running = { run, interrupt: () => reject(new Interrupted('Interrupted')), timers: new Set() };
  });
  interrupted.catch(() => {});
  try {
    const { value } = await Promise.race([begin(code), interrupted]);
    if (value !== undefined) show(value, true);
  } catch (error) {
    if (error instanceof Interrupted) cell.running.timers.forEach(clear);
    control.sendAndWait({ event: 'error', ...describe(error) });
  }
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  control.send({ event: 'done' });
  cell.running = null;
}

function begin(code) {
  return interruptible(() => {
    // An interrupt may come from the moment that the engine hears of the start.
    control.send({ event: 'started', count: cell.number });
    lookFrom(process.cwd());
    const evaluated = evaluate(code);
    evaluated.catch(() => {}); // told of by whoever waits for it
    return evaluated;
  });
}

function clear(timer) {
  clearTimeout(timer);
  clearImmediate(timer);
}

// --- the process around user code ----------------------------------------------------------------------------------

function tellOfStray(error) {
  const { traceback } = describe(error);
  process.stderr.write(traceback);
}

// What the driver itself uses of node that is experimental is no news to user code.
function silenceWarnings() {
  const { emitWarning } = process;
  process.emitWarning = (warning, ...rest) => {
    if (!/USE_MAIN_CONTEXT_DEFAULT_LOADER|stripTypeScriptTypes/.test(warning)) emitWarning(warning, ...rest);
  };
}

function start({ cwd, env }) {
  Object.assign(process.env, env);
  let failure = null;
  try {
    process.chdir(cwd);
  } catch (error) {
    failure = error.message;
  }
  control.send({ event: 'ready', failure });
}

// Never called by a promise: what it settles runs at once, and so can be interrupted.
function serveNext() {
  if (cell.running || waiting.length === 0) return;
  const order = waiting.shift();
  if (order.op === 'start') start(order);
  else run(order).then(() => setImmediate(serveNext), () => process.reallyExit(1));
}

function serve() {
  new net.Socket({ fd: CONTROL, writable: false })
    .on('data', (data) => {
      control.take(data).forEach(obey);
      serveNext();
    })
    .on('close', () => process.reallyExit(0));
}

const [stdout, stderr] = [openStream(1), openStream(2)];
Object.defineProperty(process, 'stdout', { value: stdout, configurable: true });
Object.defineProperty(process, 'stderr', { value: stderr, configurable: true });
Object.defineProperty(globalThis, 'console', {
  value: new Console({ stdout, stderr, colorMode: false }),
  configurable: true,
  writable: true,
});
Object.defineProperty(globalThis, 'display', { value: (value) => show(value, false), configurable: true, writable: true });
process.on('uncaughtException', tellOfStray).on('unhandledRejection', tellOfStray).on('SIGINT', interrupt);
process.argv.length = 1;
process.execArgv = [];
silenceWarnings();
trackTimers();
serve();
//# sourceURL=<code-interpreter>
