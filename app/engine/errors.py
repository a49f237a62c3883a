"""Everything that can go wrong for a caller, as one table."""

from collections.abc import Mapping
from enum import Enum


class Problem(Enum):
    """A kind of failure: its HTTP status before the first byte, and the words that are shown by default."""

    INVALID = (400, "Invalid request")
    UNAUTHORIZED = (401, "Unauthorized")
    FORBIDDEN = (403, "Forbidden")
    NOT_FOUND = (404, "Not found")
    METHOD_NOT_ALLOWED = (405, "Method not allowed")
    BODY_TIMEOUT = (408, "The request body did not arrive in time")
    BUSY = (409, "This conversation is still being answered")
    TOO_LARGE = (413, "Request body too large")
    UNSUPPORTED_TYPE = (415, "Content-Type must be application/json")
    LIMITED = (429, "Too many requests")
    INTERNAL = (500, "Internal server error")
    UPSTREAM_FAILED = (502, "The model failed to answer")
    OVERLOADED = (503, "The server is at capacity")
    UPSTREAM_TIMEOUT = (504, "The model took too long to answer")

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message


class ChatError(Exception):
    """A failure whose message may be shown to the caller.

    `fields` names the parts of the request at fault (path -> what is wrong); `retry_after` is in whole seconds.
    """

    def __init__(
        self,
        problem: Problem,
        message: str | None = None,
        *,
        fields: Mapping[str, str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        self.problem = problem
        self.message = message or problem.message
        self.fields = dict(fields or {})
        self.retry_after = retry_after
        super().__init__(self.message)


class ModelError(ChatError):
    """A model's failure. Where it is `passing`, another model, or the same one a little later, may well answer."""

    def __init__(self, problem: Problem, *, passing: bool = True, retry_after: int | None = None) -> None:
        super().__init__(problem, retry_after=retry_after)
        self.passing = passing
