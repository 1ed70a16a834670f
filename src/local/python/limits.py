"""Says which limit an exception comes from, where the operating system's own words leave that open."""

import errno
import resource

MIB = 1 << 20
# Where the system counts all processes of the user, its limit is so far above the sandbox's that it tells nothing.
MOST_TASKS = 8192


def explained(error, value):
    """The message of an exception, with the limit that was probably reached."""
    memory, tasks = (resource.getrlimit(limit)[0] for limit in (resource.RLIMIT_DATA, resource.RLIMIT_NPROC))
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
