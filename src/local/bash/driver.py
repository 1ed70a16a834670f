"""Runs the bash code of one context, in a process forked from the supervisor.

It speaks with the engine as the Python driver does, and keeps an interactive bash: only an interactive one gives up a
whole cell at SIGINT, whatever it consists of, and lives on. The shell has three descriptors of the driver's:

    0             its commands, the same two lines for every cell
    CODE          a file that holds the cell, with a NUL behind it
    REPORTS       where it says `begin` before a cell, and the exit status before each prompt

While a cell runs it has none of the three: its standard input is empty. The shell is in a process group of its own,
which gets the engine's interrupts from here, and only while a cell runs: one at its prompt would lose a command.
"""

import os
import shlex
import signal
import time

from code_interpreter_driver import Control, nameless_file, take_place

ERRORS, REPORTS, CODE = 61, 62, 63

# At the prompt standard error leads nowhere: an interactive shell tells of jobs there, and `set -x` of these commands.
SETUP = f"""\
unset HISTFILE MAILCHECK; set +o history +H; history -c; PS1= PS2=; \
__cell_status() {{ builtin return "$1"; }}; readonly -f __cell_status; \
readonly PROMPT_COMMAND='builtin echo "$?" >&{REPORTS}'
"""
# The empty line ends whatever a syntax error has left the parser in. The condition gives the cell the `$?` of the one
# before, which would end a shell after `set -e` anywhere else.
CELL = f"""
IFS= builtin read -r -d '' __cell <&{CODE}; builtin echo begin >&{REPORTS}; \
if __cell_status %d; then builtin eval "$__cell"; else builtin eval "$__cell"; fi \
</dev/null 2>&{ERRORS} {ERRORS}>&- {REPORTS}>&- {CODE}<&-
"""


class Shell:
    """A bash that runs a cell at a time. When it ends, so does this process, in the same way."""

    def __init__(self, program, die_with_parent):
        self.is_started = False  # as far as the engine knows
        self.is_running = False
        self.was_interrupted = False
        self.unread = b""
        self.status = 0
        self.code = nameless_file("cell")
        commands, self.commands = os.pipe()
        self.reports, reports = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self.become(program, commands, reports, die_with_parent)
        os.close(commands)
        os.close(reports)
        signal.signal(signal.SIGCHLD, self.follow)
        signal.signal(signal.SIGINT, self.interrupt)
        self.follow()
        self.command(SETUP)
        self.report()

    def become(self, program, commands, reports, die_with_parent):
        try:
            os.setpgid(0, 0)
            die_with_parent()
            for number in (signal.SIGINT, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            null = os.open(os.devnull, os.O_WRONLY)
            for source, target in ((commands, 0), (2, ERRORS), (null, 2), (reports, REPORTS), (self.code, CODE)):
                os.dup2(source, target)
            os.execv(program, ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        finally:
            os._exit(127)

    def follow(self, *_):
        """Ends as the shell did, if it has; what it left in its process group goes first."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return
        self.signal_group(signal.SIGKILL)
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number != signal.SIGKILL:
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        os._exit(os.WEXITSTATUS(status))

    def interrupt(self, *_):
        self.was_interrupted = self.is_started
        if self.is_running and self.is_started:
            self.signal_group(signal.SIGINT)

    def signal_group(self, number):
        try:
            os.killpg(self.pid, number)
        except OSError:
            pass

    def command(self, text):
        os.write(self.commands, text.encode())

    def report(self):
        """The next line that the shell says of itself. This process ends with the shell, so there is no other end."""
        while b"\n" not in self.unread:
            data = os.read(self.reports, 4096)
            while not data:  # the end is near, or `exec` has put a program in the shell's place
                self.follow()
                time.sleep(0.005)
            self.unread += data
        line, _, self.unread = self.unread.partition(b"\n")
        return line

    def run(self, code, start=None):
        """Runs code, and gives its exit status; interrupts reach what begins with a call of `start`."""
        data = code.replace("\0", "").encode("utf-8", "replace") + b"\0"
        os.ftruncate(self.code, 0)
        os.lseek(self.code, 0, os.SEEK_SET)
        while data:
            data = data[os.write(self.code, data) :]
        os.lseek(self.code, 0, os.SEEK_SET)
        if start is not None:
            self.was_interrupted = False
            self.is_started = True
            start()
        self.command(CELL % self.status)
        while self.report() != b"begin":
            pass  # the answer to the empty line, or to an interrupt after the end of a cell
        self.is_running = True
        if self.was_interrupted and self.is_started:
            self.signal_group(signal.SIGINT)
        status = self.report()
        self.is_running = self.is_started = False
        self.status = int(status) if status.isdigit() else 0
        return self.status


def is_name(name):
    return name.isascii() and name.isidentifier()


def setting(variables):
    """Code that sets variables and keeps what they were. One that bash can have no name for it complains about."""
    lines = []
    for index, (name, value) in enumerate(variables.items()):
        if is_name(name):
            lines.append(f"__before_{index}=$(declare -p {name} 2>/dev/null)")
        lines.append(f"export -- {shlex.quote(f'{name}={value}')}")
    return "\n".join(lines)


def restoring(variables):
    return "\n".join(
        f'unset {name}; eval "$__before_{index}"; unset __before_{index}'
        for index, name in enumerate(variables)
        if is_name(name)
    )


def describe(shell, status):
    """The event for a cell that did not end well, or None."""
    if shell.was_interrupted:
        return {"name": "KeyboardInterrupt", "value": "", "traceback": "KeyboardInterrupt\n"}
    if status == 0:
        return None
    text = f"The last command ended with exit status {status}"
    if status > 128:
        try:
            text += f", as after signal {signal.Signals(status - 128).name}"
        except ValueError:
            pass
    return {"name": "ExitStatus", "value": str(status), "traceback": f"{text}.\n"}


def serve(control, shell):
    count = 0
    while True:
        order = control.next_run()
        run, env = order["run"], order["env"]
        count += 1
        if env:
            shell.run(setting(env))
        status = shell.run(
            order["code"], lambda: control.send({"event": "started", "run": run, "count": count})
        )
        error = describe(shell, status)
        if env:
            shell.run(restoring(env))
        if error is not None:
            control.send_and_wait({"event": "error", "run": run, **error})
        control.send({"event": "done", "run": run})


def main(control, order, _source, die_with_parent):
    control = Control(control)
    failure = take_place(control)
    shell = Shell(order["program"], die_with_parent)
    control.send({"event": "ready", "failure": failure})
    serve(control, shell)
