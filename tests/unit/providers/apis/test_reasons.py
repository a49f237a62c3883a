"""What the words of servers for the end of an answer mean."""

import logging

import pytest

from app.providers.apis.reasons import finish_reason, reason_in

MEANINGS = {
    "stop": ["stop", "STOP", "eos", "eos_token", "end_turn", "stop_sequence", "COMPLETE", "FINISH_REASON_STOP"],
    "length": [
        *("length", "max_tokens", "MAX_TOKENS", "max_output_tokens", "model_length", "model_context_window_exceeded"),
        *("context_length_exceeded", "context-length-exceeded", "token_limit"),
    ],
    "content-filter": [
        *(
            "content_filter",
            "content-filter",
            "CONTENT_FILTER",
            "sensitive",
            "safety",
            "SAFETY",
            "RECITATION",
            "refusal",
        ),
        *("BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "guardrail_intervened", "content_filtered", "ERROR_TOXIC"),
    ],
    "tool-calls": ["tool_calls", "function_call", "tool_use", "TOOL_CALL"],
    "other": ["other", "OTHER", "repetition", "FINISH_REASON_UNSPECIFIED", "the moon is full"],
    None: [
        *(
            "abort",
            "aborted",
            "network_error",
            "insufficient_system_resource",
            "error",
            "ERROR",
            "server_error",
            "timeout",
        ),
        *("cancelled", "canceled", "USER_CANCEL", "failed", "interrupted", "preempted", "overloaded", "model_unloaded"),
        *("MALFORMED_FUNCTION_CALL", "function_call_filter: MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"),
        *("malformed_model_output", "pause_turn", "ERROR_LIMIT", "connection_lost", "out_of_memory", "rate_limited"),
    ],
}


@pytest.mark.parametrize(("word", "meaning"), [(word, meaning) for meaning in MEANINGS for word in MEANINGS[meaning]])
def test_each_word_means_an_end_or_that_there_is_none(word, meaning) -> None:
    assert finish_reason(reason_in(word)) == meaning


@pytest.mark.parametrize("value", [None, "", " ", "null", "NULL", "None", "not_finished", 0, 7, [], {}, {"type": None}])
def test_what_is_no_reason_says_nothing(value) -> None:
    assert reason_in(value) == ""


def test_a_reason_may_be_an_object_with_its_type() -> None:
    assert reason_in({"type": "abort", "message": "x"}) == "abort"


def test_a_word_that_nobody_knows_goes_to_the_log(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        finish_reason("stop")
        assert not caplog.records
        finish_reason("the_moon_is_full" * 99)
    assert len(caplog.records[0].getMessage()) < 200
