"""Turns a process forked from the supervisor into node, which runs driver.js.

The driver comes by a descriptor, so nothing of it is in the command line for `ps` to show.
"""

import fcntl
import os
import signal

from code_interpreter_driver import nameless_file

CONTROL, DRIVER = 3, 4
BOOT = (
    f"new Function('require', 'load', 'language', require('fs').readFileSync({DRIVER}, 'utf8'))"
    "(require, (what, options) => import(what, options), process.argv[1])"
)


def main(control, order, driver, _die_with_parent):
    # Out of the way of each other first.
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (control, file_of(driver.encode()))]
    for source, target in zip(moved, (CONTROL, DRIVER)):
        os.dup2(source, target)
    # Node would pass on to its children what Python ignores.
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    # The parser of node's own prompt is among its internals.
    os.execv(order["program"], ["node", "--expose-internals", "-e", BOOT, order["language"]])


def file_of(data):
    file = nameless_file("driver")
    os.write(file, data)
    os.lseek(file, 0, os.SEEK_SET)
    return file
