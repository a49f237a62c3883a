"""Runs operators' own tools in processes beside the worker's."""

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


def call(place: FunctionName, context: ToolContext, args: Mapping[str, Any]) -> Any:
    """What the function returns. Raises ToolError, or RuntimeError with the traceback of what it failed with."""
    reply = orjson.loads(_processes().call(pickle.dumps((place, context, args))))
    if "refused" in reply:
        raise ToolError(reply["refused"])
    if "failed" in reply:
        raise RuntimeError(reply["failed"])
    return reply["result"]


class _Processes:
    """Started when they are needed, and used again; one whose call is cut or has ended it is replaced."""

    def __init__(self) -> None:
        self._places = BoundedSemaphore(MOST_PROCESSES)
        self._idle: list[Process] = []

    def call(self, asked: bytes) -> bytes:
        with self._places:
            process = self._idle_one() or Process("app.tools.own.process_main", os.environ)
            try:
                reply = process.call(asked)
            except BaseException:
                process.kill()
                raise
            self._idle.append(process)
        return reply

    def _idle_one(self) -> Process | None:
        """One that still lives: the system may have ended others, or what a tool has left running in them."""
        while self._idle:
            process = self._idle.pop()
            if process.lives:
                return process
            process.kill()
        return None


@cache
def _processes() -> _Processes:
    return _Processes()
