"""Runs the table of cases with both flavours of E2B's Python client, configured by the environment."""

import asyncio
import importlib.metadata
import logging
import os
import sys

import control, faults, inside, results, runs  # noqa: E401, F401: they fill the table
import table

# A chart that the client cannot read is an error in its log alone.
logging.basicConfig(level=logging.ERROR)
for package in ["e2b", "e2b-code-interpreter"]:
    print(package, importlib.metadata.version(package))
only = os.environ.get("CODE_INTERPRETER_PEER_CASES", "")
failed = [asyncio.run(table.run_all(flavour, only)) for flavour in table.FLAVOURS]
# Without the end of the interpreter, at which the clients' own threads can crash it.
sys.stdout.flush()
sys.stderr.flush()
os._exit(any(failed))
