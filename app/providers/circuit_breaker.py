"""A circuit breaker for each configured model, so that callers do not wait for one that keeps failing."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

log = logging.getLogger(__name__)


@dataclass(slots=True)
class CircuitBreaker:
    """The recent failures of the model `name`.

    Closed until the model has failed `failures` times in a row; then open for `seconds` (monotonic clock), in which the
    model is not tried. Then half-open: one caller, the probe, tries the model, and for all others the circuit is open
    for another `seconds` or until the probe's outcome is known. As soon as the probe's answer begins the circuit is
    closed again, but one more failure opens it; once an answer has ended well, `failures` are needed again.

    `opened` hears of each time that it opens; it may neither wait nor raise.
    """

    name: str
    failures: int
    seconds: float
    opened: Callable[["CircuitBreaker"], object] | None = None
    _in_a_row: int = field(default=0, init=False)
    _open_until: float = field(default=0, init=False)
    _probe: object = field(default=None, init=False)

    def seconds_open(self) -> float:
        """Seconds for which the circuit is still open; 0 where it is closed or half-open."""
        return max(self._open_until - monotonic(), 0)

    def allows(self, caller: object) -> bool:
        """Whether the caller may try the model now; where the circuit is half-open, this makes the caller the probe."""
        if self.seconds_open():
            return False
        if self._in_a_row >= self.failures:
            self._open_until, self._probe = monotonic() + self.seconds, caller
        return True

    def began(self) -> None:
        """Record that an answer has begun: closes the circuit, though one more failure opens it again."""
        if self._in_a_row >= self.failures:
            log.warning("model answers again", extra={"model": self.name})
            self._in_a_row = self.failures - 1
        self._open_until, self._probe = 0, None

    def succeeded(self) -> None:
        """Record that an answer has ended well: closes the circuit and counts failures from 0."""
        self.began()
        self._in_a_row = 0

    def failed(self) -> None:
        """Record a failure; the last of `failures` in a row opens the circuit."""
        self._in_a_row += 1
        self._probe = None
        if self._in_a_row >= self.failures:
            self._open_until = monotonic() + self.seconds
            log.warning("model is passed over", extra={"model": self.name, "seconds": self.seconds})
            if self.opened:
                self.opened(self)

    def abandoned(self, caller: object) -> None:
        """Record that the caller has gone: was it the probe and its outcome unknown, the circuit is half-open again."""
        if self._probe is caller:
            self._open_until, self._probe = 0, None
