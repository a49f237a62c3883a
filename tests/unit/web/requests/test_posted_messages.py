"""The whole conversation as a caller posts it (app/web/requests/posted.py)."""

from typing import Any

import pytest
from marshmallow import ValidationError

from app.engine.messages import ImagePart, Message, TextPart, ToolCallPart, ToolResultPart, text_message
from app.web.requests.posted import Posted, call_arguments, conversation, open_calls

SYSTEM, HELLO, SURE = text_message("system", "Be brief."), text_message("user", "Hi"), text_message("user", "Sure?")
ANSWER = text_message("assistant", "Hello")
A, B = ToolCallPart("a", "clock", {}), ToolCallPart("b", "clock", {})


def result(call: ToolCallPart, found: Any = "12", **more: Any) -> ToolResultPart:
    return ToolResultPart(call.call_id, call.name, found, **{"is_error": False, **more})


def said(*parts: Any) -> Message:
    return Message("assistant", parts)


def test_the_last_question_is_asked_and_all_before_it_is_earlier() -> None:
    read = conversation([SYSTEM, HELLO, ANSWER, SURE])
    assert (read.earlier, read.question, read.so_far) == ((SYSTEM, HELLO, ANSWER), SURE, None)
    assert read.messages == (SYSTEM, HELLO, ANSWER, SURE)


def test_what_stands_behind_it_is_what_the_answer_has_found_so_far() -> None:
    read = conversation([HELLO, said(A, result(A)), SYSTEM, said(TextPart("Hm."))])
    assert read.question == HELLO
    assert read.so_far == said(A, result(A), TextPart("Hm."))
    assert read.earlier == (SYSTEM,), "what the system says counts wherever it stands"


@pytest.mark.parametrize("messages", [[], [SYSTEM], [SYSTEM, ANSWER]])
def test_somebody_must_have_asked(messages) -> None:
    with pytest.raises(ValidationError, match="One message must be the user's"):
        conversation(messages)


@pytest.mark.parametrize("parts", [(), (TextPart(" \n"),), (TextPart(""), TextPart(" "))])
def test_a_blank_question_is_none(parts) -> None:
    with pytest.raises(ValidationError, match="must not be blank"):
        conversation([Message("user", parts)])


def test_an_image_without_a_word_is_a_question() -> None:
    image = Message("user", (ImagePart("https://example.com/a.png"),))
    assert conversation([image]).question == image


def test_each_call_of_the_last_answer_needs_its_result_and_those_of_earlier_ones_do_not() -> None:
    with pytest.raises(ValidationError, match="needs its result"):
        conversation([HELLO, said(A, B, result(A))])
    assert conversation([HELLO, said(A), SURE]).question == SURE


def posted(*before: Message) -> Posted:
    return Posted(before)


@pytest.mark.parametrize("before", [(HELLO, said(A, result(A))), (HELLO,)], ids=["before", "now"])
def test_an_answer_that_has_called_goes_on_with_its_next_round(before) -> None:
    messages = posted(*before)
    if before[1:] == ():
        messages.answer([A])
        messages.result("a", "12", "x")
    messages.answer([TextPart("Noon.")])
    messages.answer([B])
    assert messages.messages() == [HELLO, said(A, result(A), TextPart("Noon."), B)]


def test_an_answer_of_words_is_followed_by_another_one_unless_it_joins() -> None:
    apart, joined = posted(HELLO, ANSWER), posted(HELLO, ANSWER)
    apart.answer([TextPart("Again.")])
    joined.answer([TextPart("Again.")], joins=True)
    assert apart.messages() == [HELLO, ANSWER, text_message("assistant", "Again.")]
    assert joined.messages() == [HELLO, Message("assistant", (*ANSWER.parts, TextPart("Again.")))]


def test_results_go_to_their_calls_in_any_order() -> None:
    messages = posted(HELLO, said(A, B))
    messages.result("b", "no", "x", is_error=True)
    messages.result("a", "12", "x")
    assert messages.messages()[-1] == said(A, B, result(B, "no", is_error=True), result(A))


@pytest.mark.parametrize(
    ("before", "call_id"),
    [
        ([], "a"),
        ([HELLO], "a"),
        ([HELLO, said(A)], "b"),
        ([HELLO, said(A, result(A))], "a"),
        ([HELLO, said(A), SURE], "a"),
    ],
)
def test_a_result_without_a_call_that_waits_for_it_is_refused_where_it_stands(before, call_id) -> None:
    with pytest.raises(ValidationError) as refused:
        posted(*before).result(call_id, "12", "tool_call_id")
    assert refused.value.field_name == "tool_call_id"


def test_a_result_behind_the_users_next_words_has_no_call() -> None:
    messages = posted(HELLO)
    messages.answer([A])
    messages.say(SURE)
    with pytest.raises(ValidationError):
        messages.result("a", "12", "x")


def test_a_call_may_be_made_twice_under_one_id_and_then_has_two_results() -> None:
    messages = posted(HELLO, said(A, A))
    messages.result("a", "1", "x")
    messages.result("a", "2", "x")
    (last,) = messages.messages()[1:]
    assert not [*open_calls(last)]
    assert [*open_calls(said(A, A, result(A)))] == [A]


@pytest.mark.parametrize(
    ("given", "args"),
    [
        (None, {}),
        ("", {}),
        ("{}", {}),
        ({"x": 1}, {"x": 1}),
        ('{"x": [1]}', {"x": [1]}),
        ("not JSON", {"malformed_arguments": "not JSON"}),
        ("[1]", {"malformed_arguments": "[1]"}),
        (7, {"malformed_arguments": "7"}),
        ("x" * 300, {"malformed_arguments": "x" * 200}),
    ],
)
def test_arguments_are_an_object_or_what_the_model_wrote_in_its_place(given, args) -> None:
    assert call_arguments(given, "arguments") == args


def test_arguments_that_are_nested_too_deeply_are_refused() -> None:
    with pytest.raises(ValidationError) as refused:
        call_arguments("[" * 200 + "]" * 200, "arguments")
    assert refused.value.field_name == "arguments"
