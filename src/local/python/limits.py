"""Says which limit an exception comes from, where the operating system's own words leave that open."""

import errno
import resource

MIB = 1 << 20


def explained(error, value):
    """The message of an exception, with the limit that was probably reached."""
    memory, tasks = (resource.getrlimit(limit)[0] for limit in (resource.RLIMIT_DATA, resource.RLIMIT_NPROC))
    if isinstance(error, MemoryError) and memory != resource.RLIM_INFINITY:
        reason = f"each process of this sandbox has a limit of {memory // MIB} MiB"
    elif is_refused_start(error) and tasks != resource.RLIM_INFINITY:
        reason = f"this sandbox has a limit of {tasks} processes and threads"
    else:
        return value
    return f"{value} ({reason})" if value else reason


def is_refused_start(error):
    """Whether no process, or no thread, could be started."""
    if isinstance(error, BlockingIOError):
        return error.errno == errno.EAGAIN and error.filename is None
    return isinstance(error, RuntimeError) and error.args == ("can't start new thread",)
