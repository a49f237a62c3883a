"""Runs operators' own tools in a bounded number of processes beside the worker."""

import os
import pickle
from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
from gevent.lock import BoundedSemaphore

from app.engine.agent import ToolContext
from app.processes.process import Process
from app.tools.base import ToolError

MOST_PROCESSES = 8  # of all own tools together

FunctionName = tuple[str, str]
"""A module and the name of a function in it."""


def call(function: FunctionName, context: ToolContext, args: Mapping[str, Any]) -> Any:
    """What the function returns. Raises the ToolError that it raises, and RuntimeError with the traceback of any other
    exception. Waits while MOST_PROCESSES calls run; a timeout of the caller's cuts the wait, or kills the process."""
    reply = orjson.loads(_pool().call(pickle.dumps((function, context, args))))
    if "refused" in reply:
        raise ToolError(reply["refused"])
    if "failed" in reply:
        raise RuntimeError(reply["failed"])
    return reply["result"]


class _Pool:
    """Processes that are started when needed and used again. One whose call fails or is cut is killed."""

    def __init__(self) -> None:
        self._slots = BoundedSemaphore(MOST_PROCESSES)
        self._idle: list[Process] = []

    def call(self, pickled: bytes) -> bytes:
        with self._slots:
            process = self._take_idle() or Process("app.tools.own.process_main", os.environ)
            try:
                reply = process.call(pickled)
            except BaseException:
                process.kill()
                raise
            self._idle.append(process)
        return reply

    def _take_idle(self) -> Process | None:
        """An idle process that still lives: the system may have killed others, or code that a tool left running."""
        while self._idle:
            process = self._idle.pop()
            if process.running:
                return process
            process.kill()
        return None


@cache
def _pool() -> _Pool:
    return _Pool()
