"""When a model server says that it may be asked again, in whichever of the ways that servers have for it.

Sources: RFC 9110, section 10.2.3; openai-python (`_calculate_retry_timeout`: `retry-after-ms`); OpenAI's "Rate limits"
(`x-ratelimit-reset-requests: 6m0s`), OpenRouter's (`X-RateLimit-Reset`, milliseconds since 1970), Together's (seconds);
google.rpc.RetryInfo in the body of Gemini's.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil
from time import time

LONGEST_SECONDS = 86_400  # whoever asks for more is taken to ask for this

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?")
_RETRY_INFO = re.compile(r'"retryDelay":\s*"(\d{1,9}(?:\.\d{1,9})?)s"')
_LEAST_EPOCH = 1e9  # a greater number is no pause but a moment, in seconds or, from 1e12 on, milliseconds since 1970


def retry_seconds(headers: Mapping[str, str], said: str = "", *, rate_limited: bool = False) -> int | None:
    """Whole seconds from now, rounded up, at most LONGEST_SECONDS; None where the server says nothing that makes sense.

    `headers` have names in lower case; `said` is the body. Some servers send the `x-ratelimit-reset` headers with every
    response, so they count only where the request was `rate_limited`. Moments are compared with the wall clock.
    """
    seconds = _milliseconds(headers.get("retry-after-ms", ""))
    if seconds is None:
        seconds = _pause_or_date(headers.get("retry-after", ""))
    if seconds is None and rate_limited:
        seconds = _reset(headers)
    if seconds is None and (told := _RETRY_INFO.search(said)):
        seconds = float(told[1])
    return None if seconds is None else min(ceil(max(seconds, 0)), LONGEST_SECONDS)


def _milliseconds(value: str) -> float | None:
    return float(value) / 1000 if _NUMBER.fullmatch(value) else None


def _pause_or_date(value: str) -> float | None:
    if _NUMBER.fullmatch(value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value[:64])
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (zoned - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None


def _reset(headers: Mapping[str, str]) -> float | None:
    """Of the limits that are used up, the one that is restored last; else the one limit that has no name."""
    names = [name for name in ("requests", "tokens") if headers.get(f"x-ratelimit-remaining-{name}") == "0"]
    pauses = [_pause(headers.get(f"x-ratelimit-reset-{name}", "")) for name in names]
    known = [pause for pause in pauses if pause is not None]
    return max(known) if known else _pause(headers.get("x-ratelimit-reset", ""))


def _pause(value: str) -> float | None:
    """Seconds: a number of them, a duration as Go writes it, or a moment since 1970."""
    if _NUMBER.fullmatch(value):
        number = float(value)
        moment = number / 1000 if number >= 1000 * _LEAST_EPOCH else number
        return moment - time() if moment >= _LEAST_EPOCH else number
    told = _DURATION.fullmatch(value)
    if not value or not told:
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in told.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
