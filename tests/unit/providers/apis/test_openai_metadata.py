"""What servers with OpenAI's API want back with their model's words, from their responses to the next request."""

import json
import logging
from typing import Any

import pytest

from app.engine.agent import AnswerOptions
from app.engine.events import Event, ReasoningDelta, ReasoningIdentified, TextDelta, ToolCalled, ToolReturned
from app.engine.framing import Framing
from app.engine.messages import Message, ProviderMetadata, ReasoningPart, TextPart, ToolCallPart, text_message
from app.engine.prompt import Prompt
from app.engine.transcript import Transcript
from app.providers.apis.call_names import accepted_ids
from app.providers.apis.decoder import MOST_METADATA
from app.providers.apis.dialogue import NO_ANSWER
from app.providers.apis.openai_decoder import OpenAIDecoder
from app.providers.apis.openai_messages import conversation_fields
from app.providers.apis.openai_metadata import MOST_ITEMS
from app.testing.provider_apis import AGENT

Delta = dict[str, Any]


def call(**beside: Any) -> Delta:
    return {"index": 0, "id": "call_1", "type": "function", "function": {"name": "clock", "arguments": "{}"}, **beside}


def heard(*deltas: Delta, whole: bool = False) -> list[Any]:
    """The chunks of a response: a stream of these deltas, or the one message in one piece."""
    decoder, chunks = OpenAIDecoder(), list[Any]()
    if whole:
        (message,) = deltas
        event = {"choices": [{"message": message, "finish_reason": "stop"}]}
        return [*decoder.whole(json.dumps(event).encode()), *decoder.finish()][:-1]
    for delta in deltas:
        chunks += decoder.event(json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode()) or ()
    decoder.event(json.dumps({"choices": [{"delta": {}, "finish_reason": "stop"}]}).encode())
    return [*chunks, *decoder.finish()][:-1]


def answer(*rounds: list[Any]) -> Message:
    """What is kept of an answer: of the chunks of each round, whose calls all return 12:00."""
    transcript = Transcript(2**20)
    for chunks in rounds:
        framing = Framing()
        events: list[Event] = [*framing.frame(chunks), *framing.close()]
        returned = [ToolReturned(each.call_id, each.name, "12:00") for each in chunks if isinstance(each, ToolCalled)]
        transcript.add([*events, *returned])
    return transcript.message()


def sent(*answers: Message) -> list[dict[str, Any]]:
    """The assistant's messages of the next request, after so many questions and answers."""
    messages = [each for said in answers for each in (text_message("user", "Hi"), said)]
    fields = conversation_fields(Prompt(AGENT, [*messages, text_message("user", "Well?")], AnswerOptions()))
    said = [message for message in fields["messages"] if message["role"] == "assistant"]
    return [message for message in said if message["content"] != NO_ANSWER]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thoughts_in_words_go_back_under_their_own_name_with_all_that_an_answer_with_calls_said(name) -> None:
    asking = heard({name: "I should "}, {name: "look."}, {"content": "So: "}, {"tool_calls": [call()]})
    telling = heard({name: "Noon."}, {"content": "It is noon."})
    first, second = sent(answer(asking, telling))
    assert (first[name], first["content"], len(first["tool_calls"])) == ("I should look.", "So: ", 1)
    assert second == {"role": "assistant", "content": "It is noon.", name: "Noon."}


def test_thoughts_in_words_do_not_go_back_with_an_answer_that_called_nothing() -> None:
    """DeepSeek ignores them, and its first reasoning models refused them."""
    assert sent(answer(heard({"reasoning_content": "Hm"}, {"content": "x"}))) == [{"role": "assistant", "content": "x"}]


def test_thoughts_between_the_words_of_one_round_go_back_together() -> None:
    chunks = heard({"reasoning": "a"}, {"content": "x"}, {"reasoning": "b"}, {"content": "y"}, {"tool_calls": [call()]})
    assert sent(answer(chunks))[0]["reasoning"] == "ab"


def test_an_empty_thought_beside_a_call_goes_back_as_it_came() -> None:
    assert sent(answer(heard({"reasoning_content": ""}, {"tool_calls": [call()]})))[0]["reasoning_content"] == ""
    assert "reasoning_content" not in sent(answer(heard({"reasoning_content": None}, {"tool_calls": [call()]})))[0]


def test_calls_of_another_model_get_a_blank_thought_where_this_model_wants_thoughts_back() -> None:
    ours = answer(heard({"reasoning_content": "Hm"}, {"tool_calls": [call()]}))
    others = answer(heard({"tool_calls": [call()]}), heard({"content": "Noon."}))
    foreign, plain, own = sent(others, ours)
    assert (foreign["reasoning_content"], own["reasoning_content"]) == (" ", "Hm")
    assert "reasoning_content" not in plain
    assert "reasoning_content" not in sent(others)[0]
    words = answer(heard({"reasoning_content": "Hm"}, {"content": "Hello."}))
    assert [each.get("reasoning_content") for each in sent(others, words)] == [" ", None, None]
    details = answer(heard({"reasoning": "Hm", "reasoning_details": [{"data": "x"}]}, {"tool_calls": [call()]}))
    assert "reasoning" not in sent(others, details)[0]


SIGNATURE = {"google": {"thought_signature": "AAEC"}}
BESIDE_CALLS = {
    "at once": [{"tool_calls": [call(extra_content=SIGNATURE)]}],
    "with every piece": [{"tool_calls": [call(extra_content=SIGNATURE) | {"function": {"name": name}}]}
                         for name in ("clock", None)],
    "with a later piece": [{"tool_calls": [call()]}, {"tool_calls": [{"index": 0, "extra_content": SIGNATURE}]}],
    "null at first": [
        {"tool_calls": [call(extra_content=None)]},
        {"tool_calls": [{"index": 0, "extra_content": SIGNATURE}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE_CALLS)
def test_what_stands_beside_a_call_goes_back_beside_it(name) -> None:
    (message,) = sent(answer(heard(*BESIDE_CALLS[name])))
    assert message["tool_calls"][0]["extra_content"] == SIGNATURE


def test_fields_of_a_call_that_nobody_knows_yet_go_back_and_its_own_are_ours() -> None:
    odd = call(caller={"type": "direct"}, provider_specific_fields={"sig": "x"})
    odd["function"]["strict"] = True
    other = {**call(), "index": 1, "id": "call_2"}
    for chunks in (
        heard({"tool_calls": [odd, other]}),
        heard({"content": None, "tool_calls": [odd, other]}, whole=True),
    ):
        (message,) = sent(answer(chunks))
        first, second = message["tool_calls"]
        assert (first["caller"], first["provider_specific_fields"]) == ({"type": "direct"}, {"sig": "x"})
        assert first["function"] == {"name": "clock", "arguments": "{}", "strict": True}
        assert second.keys() == {"id", "type", "function"}
        assert second["function"].keys() == {"name", "arguments"}


def piece(index: int | None, kind: str, **fields: Any) -> Delta:
    made = {"type": f"reasoning.{kind}", "format": "anthropic-claude-v1", **fields}
    return made if index is None else made | {"index": index}


DETAILS = {
    "text in pieces, then its signature": (
        [piece(0, "text", text="I "), piece(0, "text", text="see."), piece(0, "text", text=None, signature="s")],
        [piece(0, "text", text="I see.", signature="s")],
    ),
    "no numbers": (
        [piece(None, "text", text="I "), piece(None, "text", text="see."), piece(None, "encrypted", data="e")],
        [piece(None, "text", text="I see."), piece(None, "encrypted", data="e")],
    ),
    "two at once": (
        [piece(0, "summary", summary="a"), piece(1, "summary", summary="b"), piece(0, "summary", summary="c")],
        [piece(0, "summary", summary="ac"), piece(1, "summary", summary="b")],
    ),
    "two kinds of one number": (
        [piece(0, "summary", summary="a"), piece(0, "encrypted", data="e", id="r1"), piece(0, "summary", summary="b")],
        [piece(0, "summary", summary="ab"), piece(0, "encrypted", data="e", id="r1")],
    ),
    "two thoughts of one number": (
        [piece(0, "text", text="a", signature="s"), piece(0, "text", text="b"), piece(0, "text", signature="t")],
        [piece(0, "text", text="a", signature="s"), piece(0, "text", text="b", signature="t")],
    ),
    "encrypted thoughts of two calls": (
        [piece(0, "encrypted", data="e", id="a"), piece(0, "encrypted", data="f", id="b")],
        [piece(0, "encrypted", data="e", id="a"), piece(0, "encrypted", data="f", id="b")],
    ),
    "the same once more": ([piece(0, "encrypted", data="e")] * 2, [piece(0, "encrypted", data="e")]),
}


@pytest.mark.parametrize("calls", [True, False], ids=["with a call", "with text"])
@pytest.mark.parametrize("name", DETAILS)
def test_typed_thoughts_are_put_together_and_go_back_as_they_are(name, calls) -> None:
    pieces, details = DETAILS[name]
    last: Delta = {"tool_calls": [call()]} if calls else {"content": "x"}
    said = answer(heard(*({"reasoning_details": [each]} for each in pieces), last))
    assert sent(said)[0]["reasoning_details"] == details
    together = answer(heard({"reasoning_details": pieces}, last))
    assert sent(together)[0]["reasoning_details"] == details


def test_a_message_in_one_piece_has_its_fields_as_they_are() -> None:
    twice = [piece(None, "text", text="a", signature=None), piece(None, "text", text="b", signature=None)]
    message = {"content": "x", "reasoning_details": twice, "reasoning_opaque": "o", "extra_content": SIGNATURE}
    (back,) = sent(answer(heard(message, whole=True)))
    assert back == {"role": "assistant", **message}


def test_a_message_that_is_repeated_at_the_end_changes_nothing() -> None:
    """As MiniMax does it."""
    details = [piece(0, "text", text="Hm", signature="s")]
    message = {"content": "x", "reasoning_details": details, "tool_calls": [call(extra_content=SIGNATURE)]}
    decoder = OpenAIDecoder()
    deltas = [{"reasoning_details": details}, {"content": "x"}, {"tool_calls": message["tool_calls"]}]
    choices = [*({"delta": delta} for delta in deltas), {"message": message, "finish_reason": "stop"}]
    chunks = [chunk for choice in choices for chunk in decoder.event(json.dumps({"choices": [choice]}).encode()) or ()]
    assert chunks == [ReasoningDelta("Hm"), TextDelta("x")]
    (back,) = sent(answer([*chunks, *decoder.finish()[:-1]]))
    assert (back["reasoning_details"], back["tool_calls"][0]["extra_content"]) == (details, SIGNATURE)


def test_typed_thoughts_are_shown_where_they_are_written_nowhere_else() -> None:
    chunks = heard(
        {"reasoning_details": [piece(0, "text", text="Hm"), piece(1, "encrypted", data="e")]}, {"content": "x"}
    )
    assert chunks[:2] == [ReasoningDelta("Hm"), TextDelta("x")]


def test_a_signature_beside_text_goes_back_beside_the_text() -> None:
    chunks = heard({"content": "It is "}, {"content": "noon."}, {"content": "", "extra_content": SIGNATURE})
    assert sent(answer(chunks)) == [{"role": "assistant", "content": "It is noon.", "extra_content": SIGNATURE}]


def test_a_field_beside_text_is_read_however_often_an_event_is_repeated() -> None:
    later = {"google": {"thought_signature": "later"}}
    deltas = [{"content": "x"}] * 3 + [{"content": "x", "extra_content": SIGNATURE}] * 2
    chunks = heard(*deltas, {"content": "x", "extra_content": later})
    assert sent(answer(chunks))[0]["extra_content"] == later
    pieces = [{"content": "x", "thinking_blocks": [{"type": "thinking", "thinking": "a"}]}] * 3
    assert sent(answer(heard(*pieces)))[0]["thinking_blocks"] == [{"type": "thinking", "thinking": "aaa"}]


def test_fields_of_a_message_that_say_nothing_of_thoughts_stay_behind() -> None:
    """Groq refuses the `channel` and `executed_tools` that it sends itself."""
    message = {"content": "x", "channel": "final", "executed_tools": [1], "annotations": [1], "audio": {"id": "a"}}
    assert (
        sent(answer(heard(message)))
        == sent(answer(heard(message, whole=True)))
        == [{"role": "assistant", "content": "x"}]
    )


TOO_MUCH = {
    "a long text": {"extra_content": {"google": {"thought_signature": "x" * MOST_METADATA}}},
    "deep": {"extra_content": json.loads('{"a":' * 65 + "1" + "}" * 65)},
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_of_a_response_with_too_much_metadata_none_is_kept_and_the_answer_stays(name, caplog) -> None:
    small = {"tool_calls": [call(extra_content=SIGNATURE)]}
    with caplog.at_level(logging.WARNING):
        later = {"tool_calls": [{"index": 0, "extra_content": SIGNATURE}]}
        chunks = heard({"reasoning": "Hm"}, {"content": "x"}, small, TOO_MUCH[name], later)
    assert [type(each) for each in chunks] == [ReasoningDelta, ReasoningIdentified, TextDelta, ToolCalled]
    (message,) = sent(answer(chunks))
    assert message == {
        "role": "assistant",
        "content": "x",
        "reasoning": "Hm",
        "tool_calls": [
            {"id": accepted_ids(["call_1"])[0], "type": "function", "function": {"name": "clock", "arguments": "{}"}}
        ],
    }
    assert len(caplog.records) == 1
    assert "xxx" not in caplog.text


def test_a_list_without_end_is_too_much() -> None:
    details = [{"reasoning_details": [{"index": number}]} for number in range(MOST_ITEMS + 1)]
    assert len(sent(answer(heard(*details[:-1], {"content": "x"})))[0]["reasoning_details"]) == MOST_ITEMS
    assert sent(answer(heard(*details, {"content": "x"}))) == [{"role": "assistant", "content": "x"}]


def test_thoughts_of_a_round_that_was_cut_off_make_no_message() -> None:
    said = answer(heard({"reasoning": "a"}, {"tool_calls": [call()]}))
    cut = Message("assistant", (*said.parts, ReasoningPart("b", ProviderMetadata({"names": ["reasoning"]}))))
    assert len(sent(cut)) == 1


def test_parts_without_metadata_are_sent_as_ever() -> None:
    parts = (ReasoningPart("secret"), TextPart("x"), ToolCallPart("call_1", "clock", {}))
    (message,) = sent(Message("assistant", parts))
    assert message.keys() == {"role", "content", "tool_calls"}
