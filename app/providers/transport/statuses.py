"""What an HTTP status of a model server means, and what it says beside it: one table for all providers.

Sources: RFC 9110, section 15, and the servers' own lists: OpenAI "Error codes", Anthropic "Errors" (413, 529), DeepSeek
"Error Codes" (402, 422), Groq "API Error Codes" (413, 498, 499), Fireworks "Inference Error Codes" (412), OpenRouter
"Errors and Debugging" (402, 403), Cloudflare "5xx errors" (520 to 530). The words are those of badlogic/pi-mono
(packages/ai/src/utils/overflow.ts), of the servers' issues, and of docs/models.md.
"""

import re
from collections.abc import Mapping

from app.engine.errors import FailureKind, ModelError, Problem
from app.providers.transport.retry_after import retry_seconds

MOST_ERROR_BYTES = 4_096  # of what a server says of a failure, for the log

PROBLEMS = {
    408: Problem.UPSTREAM_TIMEOUT,
    429: Problem.OVERLOADED,
    498: Problem.OVERLOADED,  # Groq: no capacity for the flex tier
    503: Problem.OVERLOADED,
    504: Problem.UPSTREAM_TIMEOUT,
    522: Problem.UPSTREAM_TIMEOUT,  # Cloudflare: the server behind it takes no connection …
    524: Problem.UPSTREAM_TIMEOUT,  # … or does not answer
    529: Problem.OVERLOADED,  # Anthropic
}
"""What callers are told; of every other status UPSTREAM_FAILED."""

_PASSING = frozenset({408, 409, 423, 424, 425, 429, 498, 499, *range(500, 600)} - {501, 505, 511})
_REFUSED = frozenset({400, 422})  # every other status is the server's own trouble, and stands

_STATUSES = frozenset(map(str, range(400, 600)))

_WORDED = frozenset({400, 413, 422, 429, 500})
"""Statuses that different servers use for different things, so that the words decide."""
_NO_LENGTH = re.compile(r"per minute|per day|rate.?limit|throttl|please wait", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"context[ _-]?(length|window|size|limit)"  # most: OpenAI, OpenRouter, vLLM, SGLang, llama.cpp, LM Studio …
    r"|(prompt|input|request)\W+(is )?too long"  # Anthropic, Bedrock, Ollama
    r"|prompt\W+(超长|\\u8d85\\u957f)"  # Z.ai, also behind what escapes it
    r"|max(imum)?[ _](model|sequence|seq)[ _]len(gth)?\b"  # vLLM, TensorRT-LLM
    r"|input length.{0,40}exceeds? (the )?maximum"  # SageMaker
    r"|number of input tokens.{0,40}cannot exceed|inputs\W+must have less than \d+ tokens"  # watsonx; Hugging Face
    r"|input token count.{0,80}exceeds|token count.{0,80}exceeds the limit"  # Gemini; GitHub Copilot
    r"|maximum prompt length|reduce the length of|exceeded model token limit"  # xAI; Groq; Kimi
    r"|range of input length|tokens.{0,40}must be <=|string_above_max_length"  # DashScope; TGI; OpenAI
    r"|too many (input )?tokens|token limit exceeded|cannot exceed \d+ tokens",  # Cohere, and others
    re.IGNORECASE | re.DOTALL,
)
_STANDING = re.compile(
    r"credit balance is too low|insufficient.?(quota|balance|funds|credits?)|余额不足|exceeded_current_quota"
    r"|api.?key.{0,20}(not valid|invalid|incorrect)|(invalid|incorrect) api.?key"  # Gemini and xAI say so with 400
    r"|(user )?location is not supported|unsupported_country"
    r"|(account|organization).{0,40}(suspended|deactivated|disabled)"
    r"|model_?(not_?found|decommissioned)|model not exist|not a valid model id"
    r"|model \W*[\w./:@-]+\W* (does not exist|is not found|not found|is not supported|has been decommissioned)",
    re.IGNORECASE | re.DOTALL,
)
_PASSING_WORDS = re.compile(r"tool_use_failed|output_parse_failed")  # Groq: what the model wrote is no call

_TOO_LONG_MESSAGE = "The conversation is too long for the model"


def failure(status: int, said: str = "", headers: Mapping[str, str] | None = None) -> ModelError:
    """The failure that a status other than 200 is, with what the server said beside it: the first MOST_ERROR_BYTES
    of the body, and the headers (names in lower case)."""
    kind = _kind(status, said)
    return ModelError(
        PROBLEMS.get(status, Problem.UPSTREAM_FAILED),
        _TOO_LONG_MESSAGE if kind is FailureKind.TOO_LONG else None,
        kind=kind,
        retry_after=retry_seconds(headers or {}, said, rate_limited=status == 429),
        reason=f"answered {status}",
        details={"status": status, "said": said},
    )


def reported(code: object, said: str) -> ModelError:
    """The failure that a server tells of after it has answered 200. Its `code` may be a status, as a number or a text:
    gateways pass on what they received. Nothing is REFUSED so late: the server itself had taken the request."""
    number = str(code)
    error = failure(int(number) if number in _STATUSES else 500, said)
    if error.kind is FailureKind.REFUSED:
        error.kind = FailureKind.PASSING
    error.reason = "reported an error in mid-stream"
    return error


def _kind(status: int, said: str) -> FailureKind:
    if status in _WORDED:
        if status != 429 and _TOO_LONG.search(said) and not _NO_LENGTH.search(said):
            return FailureKind.TOO_LONG
        if _STANDING.search(said):
            return FailureKind.STANDING
        if _PASSING_WORDS.search(said):
            return FailureKind.PASSING
    if status in _PASSING:
        return FailureKind.PASSING
    return FailureKind.REFUSED if status in _REFUSED else FailureKind.STANDING
