"""What an HTTP status of a model server means."""

from app.engine.errors import Problem

# After these another model, or the same one a little later, may well answer.
TRANSIENT = frozenset({401, 404, 408, 409, 425, 429, *range(500, 600)})

PROBLEMS = {
    408: Problem.UPSTREAM_TIMEOUT,
    429: Problem.OVERLOADED,
    503: Problem.OVERLOADED,
    504: Problem.UPSTREAM_TIMEOUT,
    529: Problem.OVERLOADED,
}


def problem_of(status: int) -> Problem:
    """What callers are told of a status other than 200."""
    return PROBLEMS.get(status, Problem.UPSTREAM_FAILED)
