"""Runs operators' own tools in a bounded number of processes beside the worker."""

import os
import pickle
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import orjson

from app.engine.agent import ToolContext
from app.processes.fair_queue import FairQueue
from app.processes.process import Process
from app.tools.base import ToolError

MOST_PROCESSES = 8  # of all own tools together
MOST_EACH = 6  # of one taker: what others call has places, however many and long calls one has under way

FunctionName = tuple[str, str]
"""A module and the name of a function in it."""


def call(function: FunctionName, context: ToolContext, args: Mapping[str, Any]) -> Any:
    """What the function returns. Raises the ToolError that it raises, and RuntimeError with the traceback of any other
    exception. Waits while MOST_PROCESSES calls run, or MOST_EACH of the same taker; those who wait have turns, one
    taker after the other. A timeout of the caller's cuts the wait, or kills the process."""
    pickled = pickle.dumps((function, replace(context, taker=""), args))  # who that is, is not the tool's to know
    reply = orjson.loads(_pool().call(context.taker, pickled))
    if "refused" in reply:
        raise ToolError(reply["refused"])
    if "failed" in reply:
        raise RuntimeError(reply["failed"])
    return reply["result"]


class _Pool:
    """Processes that are started when needed and used again. One whose call fails or is cut is killed."""

    def __init__(self) -> None:
        self._queue = FairQueue(MOST_PROCESSES, MOST_EACH)
        self._idle: list[Process] = []

    def call(self, taker: str, pickled: bytes) -> bytes:
        with self._queue.turn(taker):
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
