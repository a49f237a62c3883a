"""The headers by which clients of OpenAI and Anthropic know whether and when to ask again."""

import pytest

from app.engine.errors import Problem
from app.web.responses.retries import vendors_retry_headers


@pytest.mark.parametrize("problem", [problem for problem in Problem if problem.status in (402, 409)])
def test_what_does_not_pass_by_waiting_is_not_asked_again(problem) -> None:
    assert vendors_retry_headers(problem, None) == {"x-should-retry": "false"}


@pytest.mark.parametrize("problem", [Problem.INVALID, Problem.INTERNAL, Problem.UPSTREAM_FAILED])
def test_of_others_nothing_is_said_that_nobody_knows(problem) -> None:
    assert vendors_retry_headers(problem, None) == {}


@pytest.mark.parametrize(("wait", "told"), [(0, 0), (1, 1), (59, 59), (60, 59), (61, 61), (3600, 3600)])
def test_a_wait_is_told_in_seconds_and_milliseconds_and_never_of_just_a_minute(wait, told) -> None:
    headers = vendors_retry_headers(Problem.LIMITED, wait)
    assert headers == {"Retry-After": str(told), "retry-after-ms": str(told * 1000)}
