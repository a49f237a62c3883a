"""What callers are told of a model server's statuses; test_fallback_servers.py plays them."""

import pytest

from app.engine.errors import Problem
from app.providers.transport.statuses import TRANSIENT, problem_of


@pytest.mark.parametrize(
    ("problem", "statuses"),
    [
        (Problem.UPSTREAM_TIMEOUT, [408, 504]),
        (Problem.OVERLOADED, [429, 503, 529]),
        (Problem.UPSTREAM_FAILED, [201, 302, 400, 401, 403, 404, 413, 422, 500, 501, 502, 505, 599]),
    ],
    ids=lambda value: value.name if isinstance(value, Problem) else "",
)
def test_each_status_is_a_problem(problem, statuses) -> None:
    assert {problem_of(status) for status in statuses} == {problem}


def test_a_request_that_is_wrong_is_so_for_every_model() -> None:
    assert not TRANSIENT & {201, 302, 400, 402, 403, 405, 413, 415, 422}
