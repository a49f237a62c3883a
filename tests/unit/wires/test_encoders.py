"""Whatever a model says, every encoder's bytes are whole frames, and callers read the same text out of them."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st
from support.wires import WidgetStream, Workers, every_stream

from app.engine.errors import ChatError, Problem
from app.engine.events import (
    ReasoningDelta,
    RoundFinished,
    RoundStarted,
    SourceFound,
    TextDelta,
    ToolCalled,
    ToolReturned,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from app.engine.framing import Framing
from app.engine.messages import Usage, text_message
from app.wires.agents.encoder import UIMessageEncoder

CONVERSATION = "0123456789abcdef0123456789abcdef"
QUESTION, ANSWER = CONVERSATION[::-1], CONVERSATION[8:] + CONVERSATION[:8]

ugly = st.sampled_from(
    [
        '"',
        "\\",
        "\n",
        "\r",
        "\n\n",
        "data: [DONE]",
        "\u2028",
        "\u2029",
        "\x85",
        "\x00",
        "\ud83d",
        "\ude00",
        "😀",
        "\ufeff",
        "\\u0022",
    ]
)
texts = st.one_of(st.text(st.characters(codec=None)), st.lists(st.one_of(ugly, st.text()), max_size=8).map("".join))
clean = st.text(st.characters(exclude_categories=["Cs"]))
plain = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\"))
numbers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, clean),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(clean, inner, max_size=3)),
    max_leaves=5,
)
events = st.one_of(
    clean.filter(bool).map(TextDelta),
    clean.map(ReasoningDelta),
    st.builds(ToolCalled, clean, clean, st.dictionaries(clean, values, max_size=3)),
    st.builds(ToolReturned, clean, clean, values, st.booleans()),
    st.just(RoundStarted()),
    st.just(RoundFinished()),
    st.builds(TurnStarted, st.just(CONVERSATION), st.just(QUESTION), st.just(ANSWER)),
    clean.map(lambda text: TurnFinished(text_message("assistant", text), "stop", Usage(1, 2), CONVERSATION)),
    clean.filter(bool).map(lambda text: TurnFailed(ChatError(Problem.INTERNAL, text))),
)


def presentable(text: str) -> str:
    """The text as JSON can say it, by other means than the application's: pairs joined, lone halves, NULs replaced."""
    whole = re.sub(
        "[\ud800-\udbff][\udc00-\udfff]",
        lambda pair: chr(0x10000 + (ord(pair[0][0]) - 0xD800) * 0x400 + ord(pair[0][1]) - 0xDC00),
        text,
    )
    return re.sub("[\ud800-\udfff\0]", "\ufffd", whole)


def encoded(encoder, tokens: list[str]) -> list[bytes]:
    """A whole answer of these tokens, each in a batch of its own."""
    framing, expected = Framing(), "".join(presentable(token) for token in tokens)
    batches = [[TurnStarted(CONVERSATION, QUESTION, ANSWER)], [RoundStarted()]]
    batches += [framing.frame([TextDelta(token)]) for token in tokens]
    finished = TurnFinished(text_message("assistant", expected), "stop", Usage(1, len(tokens)), CONVERSATION)
    batches += [[*framing.close(), RoundFinished()], [finished]]
    return [encoder.encode(batch) for batch in batches if batch]


@every_stream
@given(st.lists(texts, max_size=8))
def test_any_tokens_come_out_as_they_went_in(wire, tokens) -> None:
    answer = wire.decode(b"".join(encoded(wire.encoder(), tokens)))
    assert answer.tokens == [presentable(token) for token in tokens if token]
    assert answer.ended


@every_stream
@given(st.lists(st.lists(events, max_size=5), max_size=5))
def test_any_batch_of_events_is_whole_frames_or_nothing(wire, batches) -> None:
    encoder = wire.encoder()
    for batch in batches:
        piece = encoder.encode(batch)
        assert piece == b"" or len(wire.frames(piece)) >= 1
        assert batch or wire.frames(piece) == [None], "an empty batch is a keep-alive"


@every_stream
@given(
    st.lists(st.lists(events, max_size=3), max_size=3),
    st.sampled_from(["\u2028", "\u2029", "\x85", "a\u2028\x85 ü\u2019"]),
)
def test_nothing_but_line_feeds_ends_a_line_for_anybody(wire, batches, separator) -> None:
    encoder = wire.encoder()
    for batch in [*batches, [TextDelta(separator)], [ToolReturned("c", "t", {separator: separator}, False)]]:
        piece = encoder.encode(batch)
        assert piece.decode().splitlines() == piece.decode().split("\n")[:-1] or not piece


@every_stream
@given(texts.filter(bool))
def test_a_token_is_one_frame(wire, text) -> None:
    framing, encoder = Framing(), wire.encoder()
    encoder.encode(framing.frame([TextDelta("begins a part")]))
    assert len(wire.frames(encoder.encode(framing.frame([TextDelta(text)])))) == 1


@given(st.lists(plain, max_size=8))
def test_clients_that_cut_workers_frames_with_a_regular_expression_lose_nothing(tokens) -> None:
    sent = b"".join(encoded(Workers().encoder(), tokens)).decode()
    found = re.findall('"response":"([^"]*)"', sent)
    assert "".join(found).replace("\\u0022", '"') == "".join(tokens)


@given(texts)
def test_widget_frames_may_be_cut_between_any_two_bytes(text) -> None:
    sent = b"".join(encoded(WidgetStream().encoder(), [text]))
    one_by_one = "".join(bytes([byte]).decode() for byte in sent)
    assert [json.loads(line) for line in one_by_one.splitlines()][-1]["message"] == presentable(text)


def test_a_source_with_an_address_is_told_by_it_and_each_document_once() -> None:
    """As the AI SDK's `uiMessageChunkSchema` has them (ai, src/ui-message-stream/ui-message-chunks.ts)."""
    found = [
        SourceFound("Shipping", "Norway", "https://shop.example/shipping#norway"),
        SourceFound("Shipping", "Sweden", "https://shop.example/shipping#sweden"),
        SourceFound("Prices 2026", "Fees > Norway"),
        SourceFound("Prices 2026", "Fees"),
        SourceFound("Notes", "Notes", "file:///notes.md"),
    ]
    frames = UIMessageEncoder(documented=False).encode(found).decode().removesuffix("\n\n").split("\n\n")
    document = {"type": "source-document", "mediaType": "text/markdown"}
    assert [json.loads(frame.removeprefix("data: ")) for frame in frames] == [
        {
            "type": "source-url",
            "sourceId": "s1",
            "url": "https://shop.example/shipping#norway",
            "title": "Shipping",
        },
        {**document, "sourceId": "s2", "title": "Fees > Norway", "filename": "Prices 2026"},
        {**document, "sourceId": "s3", "title": "Notes", "filename": "Notes"},
    ]
