"""Keeps the processes of one sandbox: forks a kernel for every context, and ends them all with itself.

The engine's socket arrives as standard input. Both ways it carries one JSON object a line:

    {"op": "fork", "kernel": 1, "language": "bash", "program": "/bin/bash"}
                                        with three descriptors: control socket, stdout, stderr
    {"op": "interrupt", "kernel": 1}    SIGINT to the kernel's process group
    {"op": "kill", "kernel": 1}         SIGKILL to the kernel and everything below it
    {"op": "sweep", "kernel": 0}        SIGKILL to all kernels and everything else of the sandbox

    {"event": "ready", "shell": "standard"}
    {"event": "forked", "kernel": 1, "pid": 7}
    {"event": "exit", "kernel": 1, "status": 0, "cpu": 0.2}    or "signal": 9 in place of "status"; seconds

End of file means that the engine is gone or done with the sandbox. The process stays single-threaded,
because it forks, and signals only children that it has not reaped, so a process id is never a stranger's.
"""

import asyncio  # noqa: F401 (imported once here, so that no kernel pays for it)
import builtins
import ctypes
import functools
import gc
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import time
import types

FORK_DESCRIPTORS = 3
END_SECONDS = 4.0
REAPED_AT_ONCE = 64
OLDEST_IPYTHON = 8

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def prctl(option, value):
    """Calls prctl(2) where there is one; what it sets is a second line of defence."""
    if sys.platform.startswith("linux"):
        try:
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
        except (OSError, AttributeError):
            pass


def take_control_socket():
    """Moves the engine's socket off standard input, which user code must find empty."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    return control


def load(name, source):
    """Makes a module with builtins of its own, out of the reach of user code that replaces some."""
    module = sys.modules[name] = types.ModuleType(name)
    module.__dict__["__builtins__"] = dict(vars(builtins))
    exec(compile(source, f"<{name}>", "exec"), module.__dict__)
    return module


def descendants(root):
    """The processes below `root`, by one pass over /proc; empty where there is no /proc."""
    children = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return set()
    for name in filter(str.isdigit, names):
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                parent = int(stat.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        children.setdefault(parent, []).append(int(name))
    found, queue = set(), [root]
    while queue:
        below = [pid for pid in children.get(queue.pop(), ()) if pid not in found]
        found.update(below)
        queue.extend(below)
    return found


def send_signal(pid, number):
    try:
        os.kill(pid, number)
    except OSError:
        pass


def signal_group(pid, number):
    try:
        os.killpg(pid, number)
    except OSError:
        pass


def kill_below(root):
    """Kills every descendant of `root`. They are stopped first: a stopped process forks no more."""
    stopped = set()
    for _ in range(100):
        fresh = descendants(root) - stopped
        if not fresh:
            break
        for pid in fresh:
            send_signal(pid, signal.SIGSTOP)
        stopped |= fresh
    for pid in stopped:
        send_signal(pid, signal.SIGKILL)


def load_driver(start):
    """What runs Python: IPython's shell where it is there and wanted. It takes long to import, so it is not tried out."""
    driver = load("code_interpreter_driver", start["driver"])
    wanted, version = start["shell"], None
    if wanted != "standard":
        version = version_of_ipython()
    if version is not None and version >= OLDEST_IPYTHON:
        return load("code_interpreter_interactive", start["interactive"])
    if wanted == "ipython":
        found = "no IPython" if version is None else f"IPython {version}"
        raise SystemExit(
            f"it has {found}, and Shell::IPython needs IPython {OLDEST_IPYTHON} or newer. "
            f"Install it with `{sys.executable} -m pip install ipython`, or choose Shell::IfAvailable"
        )
    return driver


def version_of_ipython():
    """The first number of it, or None where there is none."""
    if importlib.util.find_spec("IPython") is None:
        return None
    from importlib import metadata

    try:
        return int(metadata.version("ipython").partition(".")[0])
    except (metadata.PackageNotFoundError, ValueError):
        return None


class Supervisor:
    def __init__(self, control, driver, languages, domain):
        self.control = control
        self.driver = driver
        self.languages = languages  # name -> the source of the module that runs it, and what that has to run
        self.domain = domain  # what a context is confined to; None where nothing is
        self.kernels = {}  # pid -> the engine's number of the kernel
        self.descriptors = []
        self.unread = b""
        self.woken, self.waker = os.pipe()

    def serve(self):
        self.watch_children()
        self.report(event="ready", shell=self.driver.NAME)
        while True:
            readable, _, _ = select.select([self.control, self.woken], [], [])
            if self.woken in readable:
                os.read(self.woken, 4096)
                self.reap()
            if self.control in readable and not self.receive():
                return

    def watch_children(self):
        os.set_blocking(self.waker, False)
        signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def report(self, **event):
        try:
            self.control.sendall(json.dumps(event).encode() + b"\n")
        except OSError:
            pass  # the engine is gone: the next read says so

    def receive(self):
        """Takes what the engine sent; false at the end of file."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self.control, 65536, 8 * FORK_DESCRIPTORS)
        except OSError:
            return False
        self.descriptors += descriptors
        *lines, self.unread = (self.unread + data).split(b"\n")
        for line in lines:
            self.obey(json.loads(line))
        return bool(data)

    def obey(self, command):
        operation, number = command["op"], command["kernel"]
        if operation == "fork":
            self.fork(number, command)
            return
        if operation == "sweep":
            self.kill_rest()
            return
        for pid in [pid for pid, kernel in self.kernels.items() if kernel == number]:
            if operation == "interrupt":
                signal_group(pid, signal.SIGINT)
            elif operation == "kill":
                self.kill(pid)

    def fork(self, number, order):
        taken = self.descriptors[:FORK_DESCRIPTORS]
        del self.descriptors[:FORK_DESCRIPTORS]
        try:
            pid = os.fork()
        except OSError:
            self.report(event="exit", kernel=number, status=1)
        else:
            if pid == 0:
                self.become_kernel(order, *taken)
            self.kernels[pid] = number
            self.report(event="forked", kernel=number, pid=pid)
        for descriptor in taken:
            os.close(descriptor)

    def become_kernel(self, order, control, stdout, stderr):
        try:
            os.setsid()
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self.control.close()
            for descriptor in (self.woken, self.waker, *self.descriptors):
                os.close(descriptor)
            for source, target in ((stdout, 1), (stderr, 2)):
                os.dup2(source, target)
                os.close(source)
            if self.domain is not None:
                self.domain.enter()
            if order["language"] == "python":
                self.driver.main(control)
            else:
                self.become_other(order, control)
        finally:
            os._exit(1)

    def become_other(self, order, control):
        module, source = self.languages[order["language"]]
        die_with_parent = functools.partial(prctl, PR_SET_PDEATHSIG, signal.SIGKILL)
        load("code_interpreter_language", module).main(control, order, source, die_with_parent)

    def kill(self, pid):
        send_signal(pid, signal.SIGSTOP)
        kill_below(pid)
        signal_group(pid, signal.SIGKILL)
        send_signal(pid, signal.SIGKILL)

    def reap(self):
        """Collects the dead, its own kernels and orphans alike; false when no child is left.

        Only some at a time: more may die meanwhile than are collected, and what the engine says must not wait for an end.
        """
        for _ in range(REAPED_AT_ONCE):
            try:
                self.sweep_groups()
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            number = self.kernels.pop(pid, None)
            if number is None:
                continue
            cpu = usage.ru_utime + usage.ru_stime
            if os.WIFSIGNALED(status):
                self.report(event="exit", kernel=number, signal=os.WTERMSIG(status), cpu=cpu)
            else:
                self.report(event="exit", kernel=number, status=os.WEXITSTATUS(status), cpu=cpu)
        self.wake()
        return True

    def wake(self):
        try:
            os.write(self.waker, b"\0")
        except BlockingIOError:
            pass  # it is full, and so wakes as it is

    def sweep_groups(self):
        """Kills what a dead kernel left in its group, while its zombie still keeps the number from reuse."""
        if not hasattr(os, "waitid"):
            return
        for pid in self.kernels:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                signal_group(pid, signal.SIGKILL)

    def end(self):
        """Kills everything of this sandbox. Orphans come to this process, so it ends when no child is left.

        False when it gave up before that.
        """
        deadline = time.monotonic() + END_SECONDS
        for pid in self.kernels:
            signal_group(pid, signal.SIGKILL)
        self.wait_for_child()
        while self.reap():
            if time.monotonic() >= deadline:
                return False
            self.kill_rest()
            self.wait_for_child()
        return True

    def kill_rest(self):
        if self.domain is not None and self.domain.is_alone:
            # Nothing forks between being found and being killed.
            send_signal(-1, signal.SIGKILL)
        else:
            kill_below(os.getpid())

    def wait_for_child(self):
        if select.select([self.woken], [], [], 0.01)[0]:
            os.read(self.woken, 4096)


def main(start):
    control = take_control_socket()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    for name in ("limits", "plain", "charts", "libraries", "results"):
        load(f"code_interpreter_{name}", start[name])
    load("code_interpreter_notebook", start["notebook"]["notebook"]).PARTS.update(start["notebook"])
    driver = load_driver(start)
    confined = start["confined"]
    domain = confined and load("code_interpreter_domain", start["domain"]).Domain(**confined)
    supervisor = Supervisor(control, driver, start["languages"], domain)
    gc.collect()
    gc.freeze()
    # Until here standard error told the engine why a start failed; from here nobody reads it.
    os.dup2(0, 2)
    supervisor.serve()
    is_clean = supervisor.end()
    os._exit(0 if is_clean else 1)  # there is nothing to tidy up in an interpreter that only ever forked


main(start)  # noqa: F821 (`start` is the engine's first line, read by the one-line boot code)
