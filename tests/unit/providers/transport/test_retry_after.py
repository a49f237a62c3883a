"""When a model server says that it may be asked again."""

import time
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from app.providers.transport.retry_after import LONGEST_SECONDS, retry_seconds

RETRIES = {
    "0": 0,
    "20": 20,
    "1.5": 2,
    "0.001": 1,
    "19.0": 19,
    "Sun, 06 Nov 1994 08:49:37 GMT": 0,
    "Sunday, 06-Nov-94 08:49:37 GMT": 0,
    "Sun Nov  6 08:49:37 1994": 0,
    "": None,
    "-1": None,
    "1,5": None,
    "1e3": None,
    "5" * 5_000: None,
    "0." + "5" * 5_000: None,
    "inf": None,
    "nan": None,
    "soon": None,
    "\xb2": None,
    "20, 30": None,
    "999999": LONGEST_SECONDS,
    "Sun, 99 Nov 1994 08:49:37 GMT": None,
    "Sun, 06 Nov 99999999999999999999 08:49:37 GMT": None,
    "Sun, 06 Nov 1994 08:49:37 +9999": None,
}


@pytest.mark.parametrize("said", RETRIES, ids=lambda said: repr(said[:50]))
def test_the_time_to_come_again_is_whole_seconds_or_none(said) -> None:
    assert retry_seconds({"retry-after": said}) == RETRIES[said]


@pytest.mark.parametrize("seconds", [30, 3_600])
def test_the_time_to_come_again_may_be_a_date(seconds) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    assert seconds - 20 < retry_seconds({"retry-after": format_datetime(moment, usegmt=True)}) <= seconds
    zoned = moment.astimezone(timezone(timedelta(hours=5)))
    assert seconds - 20 < retry_seconds({"retry-after": format_datetime(zoned)}) <= seconds


USED_UP = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-remaining-tokens": "0"}
OTHER_WAYS = [  # headers and body, and the seconds that they mean
    ({"retry-after-ms": "1500"}, "", 2),
    ({"retry-after-ms": "1500", "retry-after": "9"}, "", 2),
    ({"retry-after-ms": "soon", "retry-after": "9"}, "", 9),
    ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, "", 360),
    ({**USED_UP, "x-ratelimit-reset-requests": "120ms", "x-ratelimit-reset-tokens": "1h0m1.5s"}, "", 3602),
    ({"x-ratelimit-remaining-tokens": "1", "x-ratelimit-reset-tokens": "6m0s"}, "", None),
    ({**USED_UP, "x-ratelimit-reset-requests": "soon", "x-ratelimit-reset-tokens": ""}, "", None),
    ({"x-ratelimit-reset": "7"}, "", 7),
    ({"x-ratelimit-reset": "7", "retry-after": "3"}, "", 3),
    ({}, '{"error": {"details": [{"@type": "RetryInfo", "retryDelay": "34.07s"}]}}', 35),
    ({}, '{"retryDelay": "soon"}', None),
]


@pytest.mark.parametrize(("headers", "body", "seconds"), OTHER_WAYS, ids=str)
def test_servers_have_other_ways_to_say_it(headers, body, seconds) -> None:
    assert retry_seconds(headers, body, rate_limited=True) == seconds


@pytest.mark.parametrize("unit", [1, 1000], ids=["seconds", "milliseconds"])
def test_a_reset_may_be_a_moment_since_1970(unit) -> None:
    assert 25 < retry_seconds({"x-ratelimit-reset": str(int((time.time() + 30) * unit))}, rate_limited=True) <= 31


def test_a_reset_that_comes_with_every_answer_is_none_where_nothing_was_too_many() -> None:
    assert retry_seconds({**USED_UP, "x-ratelimit-reset-requests": "6m0s", "x-ratelimit-reset": "9"}) is None
