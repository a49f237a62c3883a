"""Fills in templates, in a process that can be killed: what users write may multiply numbers, quote text again and
again or compare lists for as long as there is memory, and no list of what it must not do would ever be complete.

One process serves all runs, one call after the other. It is kept; one that has ended is replaced when it is
needed again.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from time import monotonic
from typing import Any

import gevent
import orjson
from gevent.event import Event

from app.processes.process import Process
from app.workflows.schedule import Waiting
from app.workflows.templates.fair_queue import FairQueue
from app.workflows.templates.filters import SECONDS, TemplateError
from app.workflows.templates.language import Template

CALL_SECONDS = 1.0  # before the process is killed
RUN_SECONDS = 2.0  # for all templates of a run
START_SECONDS = 30.0
MOST_BYTES = 4 * 2**20  # of what templates look at

_NOTHING = b'{"sources":[]}'


class TemplateFiller:
    """The templates of one run. `owner` is who has a turn where many wait; `stopping` ends all waiting, which an empty
    batch breaks after each `heartbeat`."""

    def __init__(self, owner: str, stopping: Event, heartbeat: float) -> None:
        self._owner, self._stopping, self._heartbeat = owner, stopping, heartbeat
        self._left = RUN_SECONDS

    def fill(self, templates: Sequence[Template], variables: Mapping[str, Any]) -> Waiting[list[str]]:
        """Their texts. `variables` are `input` and `steps`. Raises TemplateError."""
        unknown = [template for template in templates if template.text is None]
        made = iter((yield from self._made(_asked(unknown, variables))) if unknown else ())
        return [next(made) if template.text is None else template.text for template in templates]

    def _made(self, asked: bytes) -> Waiting[list[str]]:
        call = gevent.spawn(self._call, asked)  # which can be left alone, wherever it waits
        either: list[Any] = [call, self._stopping]
        try:
            while not gevent.wait(either, timeout=self._heartbeat, count=1):
                yield ()
        finally:
            call.kill(block=False)
        if call.exception:
            raise call.exception
        reply: dict[str, Any] = call.value or {"error": "It was stopped."}
        if "error" in reply:
            raise TemplateError(reply["error"])
        texts: list[str] = reply["texts"]
        return texts

    def _call(self, asked: bytes) -> dict[str, Any]:
        renderer = _renderer()
        with renderer.turns.of(self._owner):
            if self._left <= 0:
                return {"error": f"The templates of a run may take {RUN_SECONDS:g} seconds in all."}
            renderer.start()
            started = monotonic()
            try:
                return renderer.call(asked)
            finally:
                self._left -= monotonic() - started


def _asked(templates: Sequence[Template], variables: Mapping[str, Any]) -> bytes:
    """With those results alone that are looked at. Raises TemplateError."""
    names = frozenset[str]().union(*(template.steps for template in templates))
    steps = {name: value for name, value in variables["steps"].items() if name in names}
    sources = [template.source for template in templates]
    try:
        asked = orjson.dumps({"sources": sources, "variables": {**variables, "steps": steps}})
    except TypeError as error:
        raise TemplateError(f"A template looks at what is no JSON: {error}") from error
    if len(asked) > MOST_BYTES:
        raise TemplateError(f"Templates look at more than {MOST_BYTES} bytes.")
    return asked


class _Renderer:
    """Whoever has a turn uses `start` and then `call`."""

    def __init__(self) -> None:
        self.turns = FairQueue()
        self._process: Process | None = None

    def start(self) -> None:
        """Returns when the process takes calls. Raises RuntimeError or OSError where it cannot."""
        if self._process and not self._process.lives:
            self._end()
        if self._process is None:
            self._process = Process("app.workflows.templates.process_main", {})  # nothing of the server's environment
            try:
                self._reply(_NOTHING, START_SECONDS)
            except (gevent.Timeout, EOFError, OSError) as error:
                raise RuntimeError("the process that fills in templates does not start") from error

    def call(self, asked: bytes) -> dict[str, Any]:
        """`texts`, or `error`."""
        try:
            return self._reply(asked, CALL_SECONDS)
        except gevent.Timeout:
            return {"error": f"A template took longer than {SECONDS:g} seconds."}
        except (EOFError, OSError):
            return {"error": "A template broke down its process."}

    def _reply(self, asked: bytes, seconds: float) -> dict[str, Any]:
        """Where there is none, or nobody waits for it any more, there is no process any more either."""
        assert self._process
        try:
            with gevent.Timeout(seconds):
                reply: dict[str, Any] = orjson.loads(self._process.call(asked))
        except BaseException:
            self._end()
            raise
        return reply

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            self._process = None


def start() -> None:
    """Have the process ready before it is needed: it takes a moment to start."""
    _renderer().start()


@cache
def _renderer() -> _Renderer:
    return _Renderer()
