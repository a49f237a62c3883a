"""All problems that a reply may report, in one table, and the errors that carry them."""

from collections.abc import Mapping
from enum import Enum


class Problem(Enum):
    """A kind of failure: the HTTP status where nothing has been sent yet, and the default message."""

    INVALID = (400, "Invalid request")
    MALFORMED = (400, "The body is not valid JSON")
    NOT_ONGOING = (400, "This conversation is not ongoing")
    UNAUTHORIZED = (401, "Unauthorized")
    EXHAUSTED = (402, "The credits are used up")
    FORBIDDEN = (403, "Forbidden")
    NOT_FOUND = (404, "Not found")
    MODEL_NOT_FOUND = (404, "There is no such model")
    MESSAGE_NOT_FOUND = (404, "There is no such message")
    METHOD_NOT_ALLOWED = (405, "Method not allowed")
    BODY_TIMEOUT = (408, "The request body did not arrive in time")
    TAKEN = (409, "This address has an account already")
    BUSY = (409, "This conversation is still being answered")
    CHANGED = (409, "It was changed meanwhile")
    STOPPED = (409, "The answer was stopped")
    TOO_LARGE = (413, "Request body too large")
    UNSUPPORTED_TYPE = (415, "Content-Type must be application/json")
    MISDIRECTED = (421, "This server does not answer for that host")
    REUSED = (422, "This Idempotency-Key was used for another request")
    NOT_AN_ANSWER = (422, "Only an assistant's message can be rated")
    LIMITED = (429, "Too many requests")
    LEFT = (499, "The caller left")  # nobody reads it: nginx's status, for the log
    INTERNAL = (500, "Internal server error")
    TOOL_LOOP = (502, "The same tool call was made over and over")
    WORKFLOW_FAILED = (502, "The workflow failed")
    BROKEN_OFF = (502, "The answer was broken off")
    UPSTREAM_FAILED = (502, "The model failed to answer")
    LOST = (503, "The answer was lost")
    OVERLOADED = (503, "The server is at capacity")
    STORE_UNAVAILABLE = (503, "The server's database is not available at the moment")
    WORKFLOW_LIMIT = (504, "The workflow reached its limits")
    UPSTREAM_TIMEOUT = (504, "The model took too long to answer")

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message


class ChatError(Exception):
    """A failure whose message may be shown to the caller.

    `fields` maps the paths of the request's wrong parts, such as "messages.0.role", to what is wrong with each.
    `retry_after` is in whole seconds.
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


class FailureKind(Enum):
    """What a model's failure says of the model and of the request, and so what is done next: whether another model of
    the agent's list may be asked (`others`), the same one a little later (`again`), and whether its circuit breaker
    counts it (`counts`).

    - PASSING: the server's trouble, which may be over soon.
    - STANDING: the server's trouble, which a second try does not end: no money, no right, no such model.
    - TOO_LONG: the prompt does not fit into this model.
    - REFUSED: the server takes the request for a wrong one.
    - ENDLESS: the answer had begun and took too long; another one would take as long.
    - WORDLESS: the answer had ended, and there was nothing in it.
    - FILTERED: the same, since a content filter had taken it out.
    """

    PASSING = ("passing", True, True, True)
    STANDING = ("standing", True, False, True)
    TOO_LONG = ("too long", True, False, False)
    REFUSED = ("refused", False, False, False)
    ENDLESS = ("endless", False, False, False)
    WORDLESS = ("wordless", True, True, False)
    FILTERED = ("filtered", False, False, False)

    def __init__(self, word: str, others: bool, again: bool, counts: bool) -> None:
        self.word = word
        self.others = others
        self.again = again
        self.counts = counts


class ModelError(ChatError):
    """A model's failure. `reason` is what happened, for the log alone; `details` are further fields of its line."""

    def __init__(
        self,
        problem: Problem,
        message: str | None = None,
        *,
        kind: FailureKind = FailureKind.PASSING,
        retry_after: int | None = None,
        reason: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(problem, message, retry_after=retry_after)
        self.kind = kind
        self.reason = reason
        self.details = dict(details or {})


class BusyError(ChatError):
    """BUSY, by an answer of this worker. Where it is `ending` it has been cancelled, and is about to be recorded."""

    def __init__(self, *, ending: bool) -> None:
        super().__init__(Problem.BUSY)
        self.ending = ending


class RepeatedError(Exception):
    """The same was asked before, with the same key: `answer_id` is the answer, which runs or has ended."""

    def __init__(self, answer_id: str) -> None:
        super().__init__(answer_id)
        self.answer_id = answer_id


class StoreError(ChatError):
    """The store could not be read or written, and nothing was changed; the same may succeed a little later.

    `problem` is STORE_UNAVAILABLE, or OVERLOADED where too many wait for the store. `reason` is what is wrong, for the
    log and for operators. Where it is `uncertain` the store was asked to commit and has not answered: what was to be
    changed may have been.
    """

    def __init__(self, problem: Problem, reason: str) -> None:
        super().__init__(problem)
        self.reason = reason
        self.uncertain = False
