"""Says which limit an exception comes from, where the operating system's own words leave that open."""

import errno
import resource

MIB = 1 << 20
# Where the system counts all processes of the user, its limit is so far above the sandbox's that it tells nothing.
MOST_TASKS = 8192
# What user code may not take, so that it can be told that it ran out of memory: at most this, and of little memory a part.
RESERVE, PART = 16 * MIB, 16


class Reserve:
    """Memory for what the driver does itself."""

    def __init__(self):
        most = resource.getrlimit(resource.RLIMIT_DATA)[1]
        self.is_there = most != resource.RLIM_INFINITY
        # Made beforehand: in the end there is no memory to make anything.
        self.all = (most, most)
        self.without = (most - min(RESERVE, most // PART), most)

    def keep(self):
        self.limit(self.without)

    def use(self):
        self.limit(self.all)

    def limit(self, limits):
        try:
            if self.is_there:
                resource.setrlimit(resource.RLIMIT_DATA, limits)
        except (OSError, ValueError):
            self.is_there = False  # user code has lowered the limit for good


def explained(error, value):
    """The message of an exception, with the limit that was probably reached."""
    memory, tasks = (resource.getrlimit(limit)[1] for limit in (resource.RLIMIT_DATA, resource.RLIMIT_NPROC))
    if isinstance(error, MemoryError) and memory != resource.RLIM_INFINITY:
        reason = f"each process of this sandbox has a limit of {memory // MIB} MiB"
    elif is_refused_thread(error) and memory != resource.RLIM_INFINITY:
        reason = "this sandbox has limits on processes and threads, and on memory, which the stack of a thread takes too"
    elif is_refused_process(error) and 0 <= tasks < MOST_TASKS:
        reason = f"this sandbox has a limit of {tasks} processes and threads"
    else:
        return value
    return f"{value} ({reason})" if value else reason


def is_refused_process(error):
    return isinstance(error, BlockingIOError) and error.errno == errno.EAGAIN and error.filename is None


def is_refused_thread(error):
    return isinstance(error, RuntimeError) and error.args == ("can't start new thread",)
