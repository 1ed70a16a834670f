"""Where pip puts packages, and how the running context comes to see them.

They go below the sandbox's home directory: the interpreter and its packages belong to the machine.
"""

import importlib
import os
import re
import site
import sys

# This interpreter's pip, at the start of a command. A path in front is that of some other one.
INSTALL = re.compile(r"(?:^|[;&|(])\s*(?:pip[\d.]*|python[\d.]*\s+-m\s+pip)\s+install\b", re.MULTILINE)
ELSEWHERE = re.compile(r"\s(?:-t|--target|--prefix|--root|--user)\b|\bactivate\b|venv\b")


def environment_of(commands):
    """The variables for shell commands, or None for those that are set: pip is told where to install."""
    if INSTALL.search(commands) is None:
        return None
    quiet = ("PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_INPUT", "PIP_NO_WARN_SCRIPT_LOCATION")
    variables = {**dict.fromkeys(quiet, "1"), "PIP_ROOT_USER_ACTION": "ignore", **os.environ}
    if ELSEWHERE.search(commands) is None:
        variables.update(place())
    return variables


def place():
    if sys.prefix == sys.base_prefix:
        return {"PIP_USER": "1", "PIP_BREAK_SYSTEM_PACKAGES": "1"}
    # A virtual environment has no place for a user's own packages.
    paths = [site.getusersitepackages(), os.environ.get("PYTHONPATH")]
    return {"PIP_PREFIX": site.getuserbase(), "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def explain_failure():
    """Where the engine gives no network, pip says only that a name cannot be resolved, or that there is no package."""
    if "CODE_INTERPRETER_OFFLINE" in os.environ:
        hint = "This sandbox has no network, so that pip reaches no index: the engine's Policy::network can allow one."
        print(hint, file=sys.stderr)


def find_packages():
    """Puts the directory on the path, once it is there, before that of the interpreter; looks for new modules."""
    directory = site.getusersitepackages()
    if os.path.isdir(directory):
        before = list(sys.path)
        site.addsitedir(directory)
        fresh = [path for path in sys.path if path not in before]
        own = (at for at, path in enumerate(before) if path.endswith("-packages"))
        at = next(own, len(before))
        sys.path[:] = before[:at] + fresh + before[at:]
    importlib.invalidate_caches()
