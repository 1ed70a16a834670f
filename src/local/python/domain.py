"""Takes rights from a context that the supervisor keeps: signalling the supervisor and other contexts, and where the
machine's own /proc is there, reading what others have in it.

It is a Landlock domain inside the one that the supervisor is in, of which what the system's version does not know is left
out (see landlock(7)), and a filter of system calls: from there on no ruleset and no filter can be made any more.
"""

import ctypes
import os
import resource
import struct

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the numbers of the calls on every architecture
VERSION_QUERY = 1
PATH_BENEATH = 1
READ_FILE, READ_DIRECTORY = 1 << 2, 1 << 3
REFER = 1 << 13  # moving and linking between directories, which a domain denies unless it says otherwise
SCOPE_ABSTRACT_SOCKET, SCOPE_SIGNAL = 1, 2
SCOPES_SINCE = 6
# What a process reads about itself. Not `net`, which tells of the machine's connections, nor `mountinfo`.
OWN = (
    "auxv", "cgroup", "cmdline", "comm", "environ", "fd", "fdinfo", "io", "limits", "maps", "oom_score", "oom_score_adj",
    "pagemap", "sched", "schedstat", "smaps", "smaps_rollup", "stat", "statm", "status",
)  # fmt: skip

PR_SET_SECCOMP, FILTER = 22, 2

library = ctypes.CDLL(None, use_errno=True)
system, prctl = library.syscall, library.prctl


def call(number, *arguments):
    result = system(ctypes.c_long(number), *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def can_signal_engine():
    """Whether signals lead out of the sandbox. Asked while the engine lives, which is the parent."""
    engine = os.getppid()
    if engine == 0:
        return False  # it is outside of this pid namespace
    try:
        os.kill(engine, 0)
    except PermissionError:
        return False
    return True


def install(steps):
    """Installs a filter of system calls; see seccomp(2)."""
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    address = ctypes.addressof(program)
    if prctl(PR_SET_SECCOMP, FILTER, struct.pack("HP", len(steps), address), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no filter of system calls")


class Domain:
    """What a context may read; made once, by the supervisor, and entered by every context."""

    def __init__(self, readable, cpu_time, filter):
        version = call(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(VERSION_QUERY))
        self.readable = readable
        self.cpu_time = cpu_time
        self.filter = filter
        scopes = SCOPE_SIGNAL | SCOPE_ABSTRACT_SOCKET if version >= SCOPES_SINCE else 0
        # Then the domain that the engine made for this process has that scope too.
        self.is_alone = scopes != 0 and not can_signal_engine()
        handled = REFER | (READ_FILE | READ_DIRECTORY if readable is not None else 0)
        attributes = struct.pack("QQQ", handled, 0, scopes)
        if scopes == 0:
            attributes = attributes[:8]
        self.ruleset = call(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0))
        self.allow("/", REFER)
        for path in readable or ():
            self.allow(path)

    def allow(self, path, access=None):
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return  # what is not there needs no right
        try:
            if access is None:
                access = READ_FILE | READ_DIRECTORY if os.path.isdir(path) else READ_FILE
            rule = struct.pack("=Qi", access, descriptor)
            call(ADD_RULE, ctypes.c_int(self.ruleset), ctypes.c_int(PATH_BENEATH), rule, ctypes.c_uint(0))
        finally:
            os.close(descriptor)

    def enter(self):
        """Restricts this process for good. Its own part of /proc is there only by now."""
        self.limit_cpu_time()
        if self.readable is not None:
            for name in OWN:
                self.allow(f"/proc/self/{name}")
        call(RESTRICT_SELF, ctypes.c_int(self.ruleset), ctypes.c_uint(0))
        os.close(self.ruleset)
        install(self.filter)

    def limit_cpu_time(self):
        """Reaching the limit is told by a signal; the hard limit is for those who ignore it. Neither is raised."""
        if self.cpu_time is None:
            return
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        limits = [self.cpu_time, self.cpu_time + 2]
        if most != resource.RLIM_INFINITY:
            limits = [min(limit, most) for limit in limits]
        resource.setrlimit(resource.RLIMIT_CPU, limits)
