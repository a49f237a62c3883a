"""When the clients of OpenAI and Anthropic ask again, by the headers that they obey.

Seen in openai 3.57.0 (PyPI) and 6.49 and 7.59 (npm), anthropic 1.17 and 2.14, @anthropic-ai/sdk 0.137 and 1.14: 408,
409, 429 and 5xx come again, twice, unless `x-should-retry` is `false`. A `Retry-After` of more than a minute is obeyed
by some for an hour, by others not at all, and then they ask again at once; 60 seconds are too long for the AI SDK.
"""

from collections.abc import Mapping

from app.engine.errors import Problem

_MINUTE = 60
_NEVER = (402, 409)  # what stands in the way does not pass by waiting


def vendors_retry_headers(problem: Problem, wait: int | None) -> Mapping[str, str]:
    """`wait` is in seconds, None where nothing is known of it."""
    headers = {"x-should-retry": "false"} if problem.status in _NEVER else {}
    if wait is None:
        return headers
    seconds = _MINUTE - 1 if wait == _MINUTE else wait
    return {**headers, "Retry-After": str(seconds), "retry-after-ms": str(1000 * seconds)}
