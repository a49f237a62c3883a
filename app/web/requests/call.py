"""A request as views get it."""

from dataclasses import dataclass
from typing import Any

from app.engine.exchange import TraceContext
from app.web.callers.caller import Caller


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has passed the guard: who calls, and what the operation's schemas made of its query and body."""

    request_id: str
    query: Any
    body: Any
    _caller: Caller | None
    trace: TraceContext

    @property
    def caller(self) -> Caller:
        assert self._caller, "only where the operation asks for a credential"
        return self._caller
