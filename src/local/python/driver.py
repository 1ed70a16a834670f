"""Runs the code of one context, in a process forked from the supervisor.

The control socket carries one JSON object a line. The engine sends

    {"op": "start", "cwd": "/..", "env": {..}}
    {"op": "run", "run": 7, "code": "..", "env": {..}}
    {"op": "ack", "ack": 3}

and the driver answers

    {"event": "ready", "failure": null}
    {"event": "started", "run": 7, "count": 1}
    {"event": "result", "run": 7, "ack": 3, "main": true, "data": {"text/plain": ".."}}
    {"event": "error", "run": 7, "ack": 4, "name": "..", "value": "..", "traceback": ".."}
    {"event": "done", "run": 7}

Text goes by the pipes on descriptors 1 and 2. To keep its order with results, the driver flushes, sends the
event, and waits until the engine has emptied the pipes and acknowledged it.
"""

import ast
import asyncio
import builtins
import codecs
import inspect
import io
import json
import linecache
import os
import signal
import socket
import sys
import threading
import types

from code_interpreter_libraries import LibraryHooks, open_figures
from code_interpreter_limits import Reserve, explained
from code_interpreter_notebook import Notebook
from code_interpreter_results import describe, sturdily

NAME = "standard"
MAX_EVENT_BYTES = 200 * 1024 * 1024
TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

# UTF-8 cannot carry a lone surrogate; this handler puts U+FFFD in its place.
REPLACEMENT = "\ufffd".encode()
codecs.register_error("code_interpreter", lambda error: (REPLACEMENT * (error.end - error.start), error.end))


# User code may replace what these modules have by these names.
from_json = json.loads
dumps = json.dumps


def to_json(event):
    return dumps(event, ensure_ascii=False)


# --- the control socket ---------------------------------------------------------------------------------------


class Control:
    """The engine's socket. User code can reach it, so what comes out of order is skipped, not trusted."""

    def __init__(self, descriptor):
        os.set_inheritable(descriptor, False)
        self.socket = socket.socket(fileno=descriptor)
        self.unread = bytearray()
        self.runs = []
        self.acknowledged = 0
        self.acks = 0
        self.is_running = False
        self.sending = threading.Lock()
        self.is_reading = False
        self.reading = threading.Condition()

    def send(self, event):
        """Tells how far the driver is. Only while a run is going on, the engine takes results and acknowledges them."""
        line = self.encode(event)
        with self.sending:
            self.is_running = event["event"] == "started"
            self.socket.sendall(line + b"}\n")

    def send_and_wait(self, event):
        line = self.encode(event)
        with self.sending:
            if not self.is_running:
                return  # a thread that outlives its run
            self.acks += 1
            wanted = self.acks
            self.socket.sendall(b'%b, "ack": %d}\n' % (line, wanted))
        self.wait_until(lambda: self.acknowledged >= wanted)

    def encode(self, event):
        line = sturdily(to_json, event).encode("utf-8", "code_interpreter")
        if len(line) > MAX_EVENT_BYTES:
            raise ValueError(f"a result of {len(line)} bytes is over the limit of {MAX_EVENT_BYTES}")
        return line[:-1]

    def next_run(self):
        self.wait_until(lambda: self.runs)
        return self.runs.pop(0)

    def wait_until(self, is_reached):
        """Whoever waits first reads for all: threads wait for acknowledgments, and the main one for the next run."""
        with self.reading:
            while not is_reached():
                if self.is_reading:
                    self.reading.wait()
                else:
                    self.receive()

    def receive(self):
        self.is_reading = True
        self.reading.release()
        try:
            data = self.socket.recv(1 << 20)
        finally:
            self.reading.acquire()
            self.is_reading = False
            self.reading.notify_all()
        if not data:
            os._exit(0)
        self.unread += data
        if b"\n" in data:
            *lines, self.unread = self.unread.split(b"\n")
            for line in lines:
                self.take(sturdily(from_json, line))

    def take(self, message):
        if message["op"] == "ack":
            self.acknowledged = max(self.acknowledged, message["ack"])
        else:
            self.runs.append(message)


# --- standard streams -----------------------------------------------------------------------------------------


class Unbuffered(io.FileIO):
    """What is printed is seen at once, with or without a line end."""

    def write(self, data):
        written = super().write(data)
        if written != len(data):
            # A signal came in between.
            rest = memoryview(data)[written:]
            while rest:
                rest = rest[super().write(rest) :]
        return len(data)


def open_stream(descriptor):
    if descriptor == 0:
        return open(0, encoding="utf-8", errors="replace", closefd=False)
    raw = Unbuffered(descriptor, "w", closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)


def renew_streams():
    """Opens again what user code has closed: `exit()`, for one, closes sys.stdin."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if is_closed(getattr(sys, name, None)):
            fresh = open_stream(descriptor)
            setattr(sys, name, fresh)
            setattr(sys, f"__{name}__", fresh)


def is_closed(stream):
    try:
        return stream is None or bool(getattr(stream, "closed", False))
    except Exception:
        return True


def flush_streams():
    streams = [getattr(sys, name, None) for name in ("stdout", "stderr", "__stdout__", "__stderr__")]
    for stream in {id(s): s for s in streams}.values():
        try:
            stream.flush()
        except Exception:
            pass  # closed, or replaced by something that cannot


# --- code -----------------------------------------------------------------------------------------------------


def lines_of(source):
    """The lines as the compiler counts them: str.splitlines() knows more kinds of line ends."""
    return io.StringIO(source, newline=None).readlines()


def lines_for_tracebacks(source):
    """As those of a file the last line has its end: without, carets of Python 3.11 and 3.12 are one column off."""
    return lines_of(source if source.endswith("\n") else source + "\n")


def ends_with_semicolon(source, node):
    last = lines_of(source)[node.end_lineno - 1].encode("utf-8", "surrogatepass")
    return last[node.end_col_offset :].lstrip().startswith(b";")


def parsed(source, name):
    return compile(source, name, "exec", ast.PyCF_ONLY_AST | TOP_LEVEL_AWAIT, dont_inherit=True)


def split(source, tree, name):
    """The cell as compiled parts: statements, and the last expression when its value is to be shown."""
    last = tree.body[-1] if tree.body else None
    value = None
    if isinstance(last, ast.Expr) and not ends_with_semicolon(source, last):
        tree.body.pop()
        value = compile(ast.Expression(last.value), name, "eval", TOP_LEVEL_AWAIT, dont_inherit=True)
    return compile(tree, name, "exec", TOP_LEVEL_AWAIT, dont_inherit=True), value


class EnvironmentChange:
    """Variables set for one run, put back as they were afterwards."""

    def __init__(self, variables):
        self.before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)

    def undo(self):
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def take_place(control):
    """Takes the environment and the directory of a context; says why that cannot be entered, if it cannot."""
    start = control.next_run()
    os.environ.update(start["env"])
    try:
        os.chdir(start["cwd"])
    except OSError as error:
        return str(error)
    return None


def nameless_file(name):
    """A new file that has no name in any directory, only one to be told from others by."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name)
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class Driver:
    def __init__(self, control, module=None, notebook=Notebook):
        self.control = control
        self.process = os.getpid()
        self.module = module or types.ModuleType("__main__")
        self.notebook = notebook(self)
        self.loop = None
        self.reserve = Reserve()
        self.run = 0
        self.count = 0
        self.in_user_code = False
        self.shielded = False
        self.interrupted = False

    # The process around user code

    def prepare(self):
        failure = take_place(self.control)
        sys.argv = [""]
        sys.path.insert(0, "")
        sys.modules["__main__"] = self.module
        self.module.__dict__["__builtins__"] = builtins
        sys.meta_path.insert(0, LibraryHooks(lambda *_args, **_options: self.show_figures(), self.notebook.display))
        self.notebook.prepare()
        for name in ("stdin", "stdout", "stderr"):
            setattr(sys, name, None)
        renew_streams()
        os.register_at_fork(before=flush_streams, after_in_child=self.leave_control)
        self.catch_interrupts()
        self.control.send({"event": "ready", "failure": failure})

    def leave_control(self):
        """A process forked by user code has no part in the protocol."""
        self.control.socket.close()

    def is_fork(self):
        return os.getpid() != self.process

    def catch_interrupts(self):
        signal.signal(signal.SIGINT, self.on_interrupt)

    def on_interrupt(self, *_):
        """Stops user code, and nothing else: half an event on the socket would be the end of the protocol."""
        if self.shielded:
            self.interrupted = True
        elif self.in_user_code or self.is_fork():
            raise KeyboardInterrupt

    def serve(self):
        while True:
            request = self.control.next_run()
            # An interrupt may come from the moment that the engine hears of the start.
            self.interrupted = False
            self.shielded = True
            self.run = request["run"]
            self.count += 1
            self.control.send({"event": "started", "run": self.run, "count": self.count})
            environment = sturdily(EnvironmentChange, request["env"] or {})
            sturdily(renew_streams)
            sturdily(self.catch_interrupts)
            error = self.guarded(request["code"])
            sturdily(self.catch_interrupts)
            if error is not None:
                self.tell_error(error)
            sturdily(environment.undo)
            sturdily(flush_streams)
            self.control.send({"event": "done", "run": self.run})

    def tell(self, event):
        event = {"run": self.run, **event}
        flush_streams()
        if threading.current_thread() is not threading.main_thread():
            self.control.send_and_wait(event)  # interrupts are for the main thread alone
            return
        self.shielded = True
        try:
            self.control.send_and_wait(event)
        finally:
            self.unshield()

    def tell_error(self, error):
        event = describe(error)
        try:
            event["value"] = explained(error, event["value"])
        except BaseException:
            pass  # its attributes are user code as well
        try:
            self.tell(event)
        except Exception as too_long:  # or whatever else it is that cannot be told
            self.tell(describe(too_long))

    def unshield(self):
        """Lets interrupts through again, and the one that came meanwhile."""
        self.shielded = False
        if self.interrupted:
            self.interrupted = False
            self.on_interrupt()

    # User code

    def guarded(self, source):
        """Runs a cell; what it raised comes back. An interrupt that hits the way out is caught by the outer try."""
        error = None
        try:
            try:
                self.reserve.keep()
                self.in_user_code = True
                self.unshield()
                self.execute(source)
            except BaseException as raised:
                error = raised
            self.in_user_code = False
        except BaseException as late:
            self.in_user_code = False
            error = late if error is None else error  # its truth is user code as well
        self.reserve.use()
        if self.is_fork():
            self.end_fork(error)
        return error

    def end_fork(self, error):
        status = 0
        if isinstance(error, SystemExit):
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
        elif error is not None:
            print(describe(error)["traceback"], end="", file=sys.stderr)
            status = 1
        flush_streams()
        os._exit(status & 0xFF)

    def execute(self, source):
        name = f"<cell {self.count}>"
        linecache.cache[name] = (len(source), None, lines_for_tracebacks(source), name)
        self.notebook.begin_cell(self.count, source)
        statements, expression = self.split(source, name)
        try:
            self.evaluate(statements)
            if expression is not None:
                self.show_value(self.evaluate(expression))
        except Exception:
            self.end_cell()
            raise
        self.end_cell()

    def end_cell(self):
        self.notebook.trigger("post_execute")
        self.show_figures()

    def split(self, source, name, written=None):
        return split(*self.parse(source, name, written), name)

    def parse(self, source, name, written=None):
        """The source and its tree. What is not Python as it stands may be for the notebook, and becomes Python.

        `written` is what a traceback shows for it, if that is something else.
        """
        try:
            tree = parsed(source, name)
        except SyntaxError:
            tree = None
        if tree is None:
            written, source = written or source, self.notebook.python_of(source)
            tree = parsed(source, name)
        if written is not None:
            self.notebook.forget_columns(tree, written, source)
        return source, tree

    def show_value(self, value):
        if value is not None and not self.is_fork():
            self.notebook.remember_value(self.count, value)
            self.notebook.show(value, main=True)

    def evaluate(self, code, local_names=None):
        value = eval(code, self.module.__dict__, local_names)
        if code.co_flags & inspect.CO_COROUTINE:
            return self.complete(value)
        return value

    def complete(self, coroutine):
        """Awaits on the context's own loop, where tasks of earlier cells live on."""
        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        task = self.loop.create_task(coroutine)
        try:
            return self.loop.run_until_complete(task)
        except BaseException:
            if not task.done() and not self.loop.is_closed():
                task.cancel()
                self.loop.run_until_complete(asyncio.wait([task]))
            raise

    # Results

    def send_result(self, data, main):
        if not self.is_fork():
            self.tell({"event": "result", "main": main, "data": data})

    def show_figures(self):
        """Sends the open matplotlib figures."""
        for figure in open_figures():
            self.notebook.show(figure, main=False)


def main(descriptor):
    driver = Driver(Control(descriptor))
    driver.prepare()
    driver.serve()
