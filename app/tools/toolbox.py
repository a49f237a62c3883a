"""Runs tool calls concurrently, a greenlet for each, with checked arguments, a time limit and a bounded result."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gevent
import orjson
from gevent.pool import Group
from gevent.queue import Empty, Queue
from marshmallow import ValidationError

from app.engine.agent import Agent, ToolContext, ToolSpec
from app.engine.events import ToolCalled, ToolReturned
from app.engine.messages import is_too_deep
from app.engine.ports import Stream
from app.engine.texts import clean, cleaned
from app.tools.base import Tool, ToolError

log = logging.getLogger(__name__)

MOST_RESULT_BYTES = 32_768
MOST_REASON = 1000  # characters that say why arguments are wrong


class ToolRunner:
    """Implements the engine's `Toolbox` port."""

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._tools = tools
        self._specs = {name: tool.spec() for name, tool in tools.items()}

    def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        return [self._specs[name] for name in agent.tools]

    def run(self, context: ToolContext, calls: Sequence[ToolCalled], heartbeat: float) -> Stream[ToolReturned]:
        return _RunningCalls(self._tools, context, calls, heartbeat)


class _RunningCalls:
    """Iterates over the results in the order in which the calls end: one a batch, or none after `heartbeat` seconds."""

    def __init__(
        self, tools: Mapping[str, Tool], context: ToolContext, calls: Sequence[ToolCalled], heartbeat: float
    ) -> None:
        self._tools, self._context, self._heartbeat = tools, context, heartbeat
        self._pending = len(calls)
        self._returned: Queue[ToolReturned | None] = Queue()
        self._greenlets = Group()
        for call in calls:
            self._greenlets.spawn(self._perform, call)

    def __iter__(self) -> Iterator[Sequence[ToolReturned]]:
        while self._pending:
            try:
                returned = self._returned.get(timeout=self._heartbeat)
            except Empty:
                yield ()
                continue
            if returned is None:
                return
            self._pending -= 1
            yield (returned,)

    def close(self) -> None:
        """Kill the calls that still run, and end the iteration. May be called again, from any greenlet."""
        self._returned.put(None)
        self._greenlets.kill(block=False)

    def _perform(self, call: ToolCalled) -> None:
        self._returned.put(self._result(call))

    def _result(self, call: ToolCalled) -> ToolReturned:
        """The tool's result, or the reason why it failed, with which the model has to deal."""
        try:
            return ToolReturned(call.call_id, call.name, self._call(call))
        except ValidationError as error:
            reason = f"The arguments are wrong: {error}"[:MOST_REASON]  # it repeats the names that were passed
        except ToolError as error:
            reason = str(error)
        except Exception:
            log.exception("tool %s failed", call.name)
            reason = "The tool failed."
        return ToolReturned(call.call_id, call.name, clean(reason), is_error=True)

    def _call(self, call: ToolCalled) -> Any:
        """Raises ValidationError, ToolError, and whatever the tool raises."""
        tool = self._tools.get(call.name) if call.name in self._context.agent.tools else None
        if tool is None:
            raise ToolError("There is no such tool.")
        try:
            with gevent.Timeout(tool.seconds):
                result = tool.call(self._context, tool.arguments().load(dict(call.args)))
        except gevent.Timeout as error:
            raise ToolError(f"The tool took longer than {tool.seconds:g} seconds.") from error
        if is_too_deep(result):
            raise ToolError("The result is nested too deeply.")
        written = orjson.dumps(result)
        if len(written) > MOST_RESULT_BYTES:
            raise ToolError("The result is too large.")
        return cleaned(result) if b"\\u0000" in written else result
