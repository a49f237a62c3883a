"""One request to a model's server, as the log tells of it: by which ids it is found, and how long each phase took."""

from dataclasses import dataclass
from time import monotonic

from app.engine.errors import ModelError


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A caller's place in a trace (W3C Trace Context), as its headers say it; both are "" where it has none."""

    traceparent: str = ""
    tracestate: str = ""


class Exchange:
    """What is noted of one try of a model by those who make it. Nothing is noted for each token.

    - `request_id`, `trace`: of the caller's request, to be sent along.
    - `server_request_id`: the server's own id for the request, once it has answered; "" where it gives none.
    - `refused`: what the server said of requests that were asked in another way then.
    """

    def __init__(self, request_id: str = "", trace: TraceContext = TraceContext()) -> None:
        self.request_id, self.trace = request_id, trace
        self.server_request_id = ""
        self.refused: list[ModelError] = []
        self.seconds: dict[str, float] = {}
        self._phase, self._since = "", monotonic()

    def another(self) -> "Exchange":
        """For the next try of the same."""
        return Exchange(self.request_id, self.trace)

    def enter(self, phase: str) -> None:
        """The phase begins, and the one before it, if there was one, has ended; `seconds` has its time (monotonic)."""
        now = monotonic()
        if self._phase:
            self.seconds[self._phase] = self.seconds.get(self._phase, 0.0) + now - self._since
        self._phase, self._since = phase, now

    @property
    def phases(self) -> dict[str, float]:
        """For a line of the log: how long each phase took that has ended, as `PHASE_seconds`."""
        return {f"{name}_seconds": round(seconds, 4) for name, seconds in self.seconds.items()}

    def fields(self) -> dict[str, str | float]:
        """For a line of the log: the ids, and the phases up to now."""
        phase = self._phase
        self.enter(phase)  # which goes on
        ids = {"request_id": self.request_id, "server_request_id": self.server_request_id}
        texts = {name: text for name, text in {**ids, "phase": phase}.items() if text}
        return {**texts, **self.phases}
