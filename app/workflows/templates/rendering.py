"""Fills in templates in a process that can be killed: what users write may multiply numbers, quote text again and again
or compare lists until all memory is used, and no list of forbidden constructs would be complete.

One process serves all runs of a worker, one call after the other. It stays; one that has ended is replaced by the next
call.
"""

from collections.abc import Generator, Mapping, Sequence
from functools import cache
from time import monotonic
from typing import Any

import gevent
import orjson
from gevent.event import Event as Signal

from app.processes.fair_queue import FairQueue
from app.processes.process import Process
from app.workflows.templates.filters import LANGUAGE, SECONDS, TemplateError
from app.workflows.templates.language import Template

CALL_SECONDS = 1.0  # before the process is killed
RUN_SECONDS = 2.0  # for all templates of a run
START_SECONDS = 30.0
MOST_BYTES = 4 * 2**20  # of one call: templates and the values that they refer to

_EMPTY_CALL = b'{"sources":[]}'


class TemplateFiller:
    """Fills in the templates of one run.

    `owner` is whom the fair queue counts the run's calls for. `stopping` ends all waiting. `heartbeat` is in seconds.
    `language` is the agent's, in which numbers are written.
    """

    def __init__(self, owner: str, stopping: Signal, heartbeat: float, language: str = "en") -> None:
        self._owner, self._stopping, self._heartbeat, self._language = owner, stopping, heartbeat, language
        self._seconds_left = RUN_SECONDS

    def fill(
        self, templates: Sequence[Template], variables: Mapping[str, Any]
    ) -> Generator[tuple[()], None, list[str]]:
        """The templates' texts; an empty batch after each heartbeat interval until they are there.

        `variables` are `input` and `steps`. Raises TemplateError.
        """
        varying = [template for template in templates if template.text is None]
        variables = {**variables, LANGUAGE: self._language}
        texts = iter((yield from self._texts(_call(varying, variables))) if varying else ())
        return [next(texts) if template.text is None else template.text for template in templates]

    def _texts(self, call: bytes) -> Generator[tuple[()], None, list[str]]:
        greenlet = gevent.spawn(self._reply, call)  # which can be killed, wherever it waits
        events: list[Any] = [greenlet, self._stopping]
        try:
            while not gevent.wait(events, timeout=self._heartbeat, count=1):
                yield ()
        finally:
            greenlet.kill(block=False)
        if greenlet.exception:
            raise greenlet.exception
        reply: dict[str, Any] = greenlet.value or {"error": "It was stopped."}
        if "error" in reply:
            raise TemplateError(reply["error"])
        texts: list[str] = reply["texts"]
        return texts

    def _reply(self, call: bytes) -> dict[str, Any]:
        renderer = _renderer()
        with renderer.queue.turn(self._owner):
            if self._seconds_left <= 0:
                return {"error": f"The templates of a run may take {RUN_SECONDS:g} seconds in all."}
            renderer.start()
            started = monotonic()
            try:
                return renderer.call(call)
            finally:
                self._seconds_left -= monotonic() - started


def _call(templates: Sequence[Template], variables: Mapping[str, Any]) -> bytes:
    """The call as JSON, with the results that the templates refer to and no others. Raises TemplateError."""
    names = frozenset[str]().union(*(template.steps for template in templates))
    steps = {name: value for name, value in variables["steps"].items() if name in names}
    sources = [template.source for template in templates]
    try:
        call = orjson.dumps({"sources": sources, "variables": {**variables, "steps": steps}})
    except TypeError as error:
        raise TemplateError(f"A template looks at what is no JSON: {error}") from error
    if len(call) > MOST_BYTES:
        raise TemplateError(f"Templates look at more than {MOST_BYTES} bytes.")
    return call


class _Renderer:
    """The process. Within a turn of `queue`, use `start` and then `call`."""

    def __init__(self) -> None:
        self.queue = FairQueue(1, 1)
        self._process: Process | None = None

    def start(self) -> None:
        """Return when the process takes calls. Raises RuntimeError or OSError where it does not start."""
        if self._process and not self._process.running:
            self._kill()
        if self._process is None:
            self._process = Process("app.workflows.templates.process_main", {})  # nothing of the server's environment
            try:
                self._exchange(_EMPTY_CALL, START_SECONDS)
            except (gevent.Timeout, EOFError, OSError) as error:
                raise RuntimeError("the process that fills in templates does not start") from error

    def call(self, call: bytes) -> dict[str, Any]:
        """The reply: `texts`, or `error`, the message of a TemplateError."""
        try:
            return self._exchange(call, CALL_SECONDS)
        except gevent.Timeout:
            return {"error": f"A template took longer than {SECONDS:g} seconds."}
        except (EOFError, OSError):
            return {"error": "A template broke down its process."}

    def _exchange(self, call: bytes, seconds: float) -> dict[str, Any]:
        """The reply to the call. The process is killed where none comes in time, and where the greenlet that waits for
        it is killed: its reply would be read as the next call's."""
        assert self._process
        try:
            with gevent.Timeout(seconds):
                reply: dict[str, Any] = orjson.loads(self._process.call(call))
        except BaseException:
            self._kill()
            raise
        return reply

    def _kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process = None


def start() -> None:
    """Start the process before it is needed, which takes a moment. Raises RuntimeError or OSError where it does not."""
    _renderer().start()


@cache
def _renderer() -> _Renderer:
    return _Renderer()
