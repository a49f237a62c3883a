"""Failures in OpenAI's words."""

import pytest

from app.engine.errors import ChatError, Problem
from app.web.responses.openai_errors import NamedError, error_body, error_code


@pytest.mark.parametrize(
    ("problem", "kind", "code"),
    [
        (Problem.INVALID, "invalid_request_error", "invalid"),
        (Problem.UNAUTHORIZED, "authentication_error", "invalid_api_key"),
        (Problem.EXHAUSTED, "insufficient_quota", "insufficient_quota"),
        (Problem.MODEL_NOT_FOUND, "invalid_request_error", "model_not_found"),
        (Problem.LIMITED, "rate_limit_error", "rate_limit_exceeded"),
        (Problem.UPSTREAM_FAILED, "server_error", "upstream_failed"),
    ],
)
def test_each_problem_has_a_kind_and_a_code(problem, kind, code) -> None:
    assert error_body(ChatError(problem)) == {
        "error": {"message": problem.message, "type": kind, "param": None, "code": code}
    }


def test_the_first_wrong_part_of_a_request_is_its_parameter() -> None:
    error = ChatError(Problem.INVALID, "wrong", fields={"messages.0.content.12": "wrong", "model": "wrong"})
    assert error_body(error)["error"]["param"] == "messages[0].content[12]"


def test_a_code_of_the_vendors_goes_before_the_problems() -> None:
    error = NamedError(Problem.NOT_FOUND, "previous_response_not_found", "There is none.", "previous_response_id")
    assert error_code(error) == "previous_response_not_found"
    assert error_body(error)["error"] == {
        "message": "There is none.",
        "type": "invalid_request_error",
        "param": "previous_response_id",
        "code": "previous_response_not_found",
    }
