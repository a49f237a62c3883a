"""The signed thoughts of Anthropic's models, from their responses to the next request, and whether it thinks."""

import json
import logging
from functools import cache
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.payload_rules_anthropic import anthropic_faults

from app.engine.agent import AnswerOptions, ToolSpec
from app.engine.events import Event, ReasoningIdentified, ToolCalled, ToolReturned
from app.engine.framing import Framing
from app.engine.messages import Message, TextPart, ToolCallPart, ToolResultPart, text_message
from app.engine.prompt import Prompt
from app.engine.transcript import Transcript
from app.providers.apis.anthropic import AnthropicModel, AnthropicOptions
from app.providers.apis.anthropic_decoder import AnthropicDecoder
from app.providers.apis.anthropic_thoughts import Prefix
from app.providers.apis.decoder import MOST_METADATA
from app.testing.provider_apis import AGENT

Block = dict[str, Any]
CLOCK = [ToolSpec("clock", "Tells the time.", {"type": "object"})]
HI, WELL = text_message("user", "Hi"), text_message("user", "Well?")
REDACTED = {"type": "redacted_thinking", "data": "EmwKAhgB"}


def thought(words: str = "Hm", signature: str = "c2ln") -> Block:
    return {"type": "thinking", "thinking": words, "signature": signature}


def said(words: str) -> Block:
    return {"type": "text", "text": words}


def use(call_id: str = "toolu_1") -> Block:
    return {"type": "tool_use", "id": call_id, "name": "clock", "input": {}}


@cache
def model(**options: Any) -> AnthropicModel:
    given_options = {name: value for name, value in options.items() if value}
    return AnthropicModel(AnthropicOptions().load({"model": "m-1", **given_options}))


def payload(*messages: Message, system: str = "", **options: Any) -> dict[str, Any]:
    """What is posted for these messages, by a model that thinks unless the options say otherwise."""
    instructions = [text_message("system", system)] if system else []
    return model(**{"thinking_tokens": 1024, **options})._payload(
        Prompt(AGENT, [*instructions, *messages], AnswerOptions(), CLOCK)
    )


def prefix(asked: dict[str, Any]) -> str:
    return Prefix(asked).before(asked["messages"])


def streamed(blocks: list[Block], digest: str) -> list[Any]:
    """The chunks of a response with these blocks, in pieces."""
    decoder, chunks = AnthropicDecoder(digest), list[Any]()
    events: list[Block] = []
    for index, block in enumerate(blocks):
        empty = {**block, **{name: "" for name in ("text", "thinking", "signature") if name in block}}
        deltas: list[Block] = []
        if block["type"] == "thinking":
            deltas += [{"type": "thinking_delta", "thinking": letter} for letter in block["thinking"]]
            deltas += [{"type": "signature_delta", "signature": block["signature"]}]
        elif block["type"] == "text":
            deltas += [{"type": "text_delta", "text": letter} for letter in block["text"]]
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    for event in events:
        chunks += decoder.event(json.dumps(event).encode()) or ()
    return [*chunks, *decoder.finish()][:-1]


def whole(blocks: list[Block], digest: str) -> list[Any]:
    """The same in one piece."""
    decoder = AnthropicDecoder(digest)
    message = {"type": "message", "content": blocks, "stop_reason": "end_turn"}
    return [*decoder.whole(json.dumps(message).encode()), *decoder.finish()][:-1]


every_way = pytest.mark.parametrize("read", [streamed, whole])


class Answer:
    """Grows round by round, as the engine keeps it; `asked` are the payloads."""

    def __init__(self, *before: Message, read: Any = streamed, **options: Any) -> None:
        self._before, self._read, self._options = before, read, options
        self._transcript = Transcript(2**20)
        self.asked = [self._payload()]

    @property
    def message(self) -> Message:
        return self._transcript.message()

    def hears(self, *blocks: Block) -> "Answer":
        """A round; its calls return 12:00, and the next request is made."""
        chunks, framing = self._read([*blocks], prefix(self.asked[-1])), Framing()
        events: list[Event] = [*framing.frame(chunks), *framing.close()]
        returned = [ToolReturned(each.call_id, each.name, "12:00") for each in chunks if isinstance(each, ToolCalled)]
        self._transcript.add([*events, *returned])
        if returned:
            self.asked.append(self._payload())
        return self

    def _payload(self) -> dict[str, Any]:
        so_far = [self.message] if self.message.parts else []
        return payload(*self._before, *so_far, **self._options)

    def blocks(self, number: int = -1) -> list[list[Block]]:
        """The assistant's messages of a request, without the ids of calls."""
        found = [message["content"] for message in self.asked[number]["messages"] if message["role"] == "assistant"]
        return [[{name: block[name] for name in block if name != "id"} for block in each] for each in found]


def without_ids(*blocks: Block) -> list[Block]:
    return [{name: block[name] for name in block if name != "id"} for block in blocks]


@every_way
def test_thinking_goes_on_in_later_rounds_with_the_thoughts_of_earlier_ones_as_they_were(read) -> None:
    first = [thought("I should look."), REDACTED, said("Let me see."), use(), use("toolu_2")]
    second = [REDACTED, use("toolu_3")]
    answer = Answer(HI, read=read).hears(*first).hears(*second)
    assert [asked.get("thinking") for asked in answer.asked] == [{"type": "enabled", "budget_tokens": 1024}] * 3
    assert answer.blocks() == [without_ids(*first), without_ids(*second)]


@every_way
def test_a_thought_whose_words_are_not_told_goes_back_with_its_signature(read) -> None:
    assert Answer(HI, read=read).hears(thought(""), use()).blocks() == [without_ids(thought(""), use())]


def test_thinking_is_off_where_the_message_with_the_calls_begins_with_no_thought() -> None:
    """ "Expected `thinking` or `redacted_thinking`, but found `tool_use`" is what the API would say."""
    answer = Answer(HI).hears(thought(), use()).hears(said("Once more."), use("toolu_2"))
    assert "thinking" not in answer.asked[-1]
    assert answer.blocks() == [without_ids(use()), without_ids(said("Once more."), use("toolu_2"))], "and none is there"


def test_thinking_is_off_where_another_model_began_the_answer() -> None:
    called = Message("assistant", (ToolCallPart("a", "clock", {}), ToolResultPart("a", "clock", "12", is_error=False)))
    assert "thinking" not in payload(HI, called)
    finished = Message("assistant", (*called.parts, TextPart("Noon.")))
    assert "thinking" in payload(HI, finished, WELL), "an answer that has ended is no hindrance"


@every_way
def test_thoughts_of_an_answer_with_calls_go_back_with_later_questions_and_those_of_others_do_not(read) -> None:
    calling = Answer(HI, read=read).hears(thought(), use()).hears(thought("So."), said("Noon."))
    later = Answer(HI, calling.message, WELL, read=read)
    assert later.blocks() == [without_ids(thought(), use()), [thought("So."), said("Noon.")]]
    plain = Answer(HI, read=read).hears(thought(), said("Hello."))
    assert Answer(HI, plain.message, WELL).blocks() == [[said("Hello.")]]


def test_a_thought_stays_behind_where_what_stood_before_it_has_changed_and_so_do_those_after_it() -> None:
    """ "The block is bound to a different conversation" is what newer models would say."""
    calling = Answer(HI, system="Be brief.").hears(thought(), use()).hears(thought("So."), said("Noon."))
    same = Answer(HI, calling.message, WELL, system="Be brief.")
    assert same.blocks()[0] == without_ids(thought(), use())
    for changed in (
        Answer(HI, calling.message, WELL, system="Be kind."),
        Answer(text_message("user", "Ho"), calling.message, WELL, system="Be brief."),
        Answer(HI, text_message("assistant", "Yes?"), HI, calling.message, WELL, system="Be brief."),
    ):
        assert changed.blocks()[-2:] == [without_ids(use()), [said("Noon.")]]
        assert "thinking" in changed.asked[0]


def test_without_a_budget_for_thinking_what_a_model_thinks_by_itself_goes_back() -> None:
    answer = Answer(HI, thinking_tokens=None).hears(thought(), use())
    assert answer.blocks() == [without_ids(thought(), use())]
    assert "thinking" not in answer.asked[-1]


def test_where_an_answer_may_not_be_long_enough_for_thinking_no_thought_is_sent() -> None:
    answer = Answer(HI).hears(thought(), use())
    assert payload(HI, answer.message, max_tokens=1000)["messages"][1]["content"][0]["type"] == "tool_use"


def test_a_thought_on_which_nothing_followed_is_not_sent() -> None:
    """ "The final block in an assistant message cannot be `thinking`" is what the API would say."""
    answer = Answer(HI).hears(thought(), use()).hears(thought("Well,"))
    assert len([message for message in payload(HI, answer.message)["messages"] if message["role"] == "assistant"]) == 1


def test_of_a_response_with_too_much_metadata_no_thought_goes_back(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        answer = Answer(HI).hears(thought(), thought("So", "x" * MOST_METADATA), thought("then"), use())
    assert answer.blocks() == [without_ids(use())]
    assert "thinking" not in answer.asked[-1]
    assert len(caplog.records) == 1
    assert "xxx" not in caplog.text


def test_a_thought_is_over_with_its_block_even_where_a_gateway_says_nothing_of_blocks() -> None:
    decoder = AnthropicDecoder("p")
    chunks: list[Any] = []
    for delta in ({"type": "thinking_delta", "thinking": "Hm"}, {"type": "text_delta", "text": "x"}):
        event = {"type": "content_block_delta", "index": 0, "delta": delta}
        chunks += decoder.event(json.dumps(event).encode()) or ()
    assert [type(chunk).__name__ for chunk in chunks] == ["ReasoningDelta", "ReasoningIdentified", "TextDelta"]
    assert isinstance(chunks[1], ReasoningIdentified)
    assert chunks[1].metadata.value == {"prefix": "p", "response": ANY, "block": {"type": "thinking"}}


def test_thoughts_of_a_reply_without_a_word_do_not_go_back_with_those_of_the_next_one() -> None:
    answer = Answer(HI)
    wordless = streamed([thought("Hm"), REDACTED], prefix(answer.asked[0]))
    own = streamed([thought("So"), use()], prefix(answer.asked[0]))
    framing, transcript = Framing(), Transcript(2**20)
    transcript.add([*framing.frame(wordless), *framing.frame(own), *framing.close()])
    transcript.add([ToolReturned("toolu_1", "clock", "12:00")])
    asked = payload(HI, transcript.message())
    assert without_ids(*asked["messages"][1]["content"]) == without_ids(thought("So"), use())


BLOCKS = st.lists(st.sampled_from(["thinking", "thinking", "redacted_thinking", "text", "tool_use"]), max_size=4)
ROUNDS = st.lists(BLOCKS.map(lambda kinds: [*kinds, "tool_use"]), max_size=3)
ANSWERS = st.lists(st.tuples(ROUNDS, BLOCKS, st.sampled_from(["Be brief.", "Be brief.", "Be kind."])), max_size=3)


def refusals(asked: dict[str, Any]) -> list[str]:
    """What the API would say to the request; a signature here is the digest of what stood before the thought."""
    faults, messages = anthropic_faults(asked), asked["messages"]
    for place, message in enumerate(messages):
        bound = [block.get("signature") or block["data"] for block in message["content"] if "thinking" in block["type"]]
        if set(bound) - {Prefix(asked).before(messages[:place])}:
            faults.append("The block is bound to a different conversation.")
        if "thinking" in message["content"][-1]["type"]:
            faults.append("The final block in an assistant message cannot be `thinking`.")
    if messages[-1]["content"][0]["type"] == "tool_result":
        kinds = [block["type"] for block in messages[-2]["content"]]
        if "thinking" in asked and "thinking" not in kinds[0]:
            faults.append("a final `assistant` message must start with a thinking block")
        if "thinking" not in asked and any("thinking" in kind for kind in kinds):
            faults.append("When thinking is disabled, an `assistant` message in the final position cannot contain it.")
    return faults


@settings(max_examples=80, deadline=None)
@given(ANSWERS, st.sampled_from([streamed, whole]))
def test_no_request_of_any_conversation_is_refused_for_its_thoughts(answers, read) -> None:
    history: list[Message] = []
    for number, (rounds, last, system) in enumerate(answers):
        history.append(text_message("user", f"Question {number}?"))
        answer = Answer(*history, read=read, system=system)
        for place, kinds in enumerate([*rounds, [kind for kind in last if kind != "tool_use"]]):
            signature = prefix(answer.asked[-1])
            made = {
                "thinking": thought(f"Hm {place}", signature),
                "redacted_thinking": {"type": "redacted_thinking", "data": signature},
                "text": said("Well. "),
            }
            answer.hears(*(made.get(kind) or use(f"{number} {place} {n}") for n, kind in enumerate(kinds)))
        history.append(answer.message)
        assert [refusals(asked) for asked in answer.asked] == [[]] * len(answer.asked)
