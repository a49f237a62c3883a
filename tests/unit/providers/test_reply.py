"""A model's reply until its first word."""

from typing import Any

import pytest

from app.engine.chunks import ModelFinished
from app.engine.errors import FailureKind, ModelError
from app.engine.events import ReasoningDelta, TextDelta, ToolCalled
from app.engine.messages import Usage
from app.providers.reply import Reply

THOUGHT, CALL, WORD, END = ReasoningDelta("hm"), ToolCalled("a", "clock", {}), TextDelta("x"), TextDelta(".")
BLANK, LINE = TextDelta(" "), TextDelta("\n")
FINISHED = ModelFinished("stop", Usage())

# batches: those that `begin` takes of them, empty ones that it yields, and what is yielded until the first word
REPLIES: dict[str, tuple[list[Any], int, list[Any]]] = {
    "a word at once": ([[WORD], [END], [FINISHED]], 1, [[WORD]]),
    "a word and the end in one": ([[WORD, FINISHED]], 1, [[WORD, FINISHED]]),
    "a call": ([[CALL, FINISHED]], 1, [[CALL, FINISHED]]),
    "blanks in front": ([[BLANK], [LINE], [WORD], [END]], 3, [[BLANK, LINE, WORD]]),
    "thoughts, blanks, a word": (
        [[THOUGHT], [THOUGHT, LINE], [BLANK], [WORD]],
        1,
        [[THOUGHT], [THOUGHT], (), [LINE, BLANK, WORD]],
    ),
    "thoughts and a call": ([[THOUGHT], (), [CALL, FINISHED]], 1, [[THOUGHT], (), [CALL, FINISHED]]),
    "an emoji": ([[TextDelta("👍")]], 1, [[TextDelta("👍")]]),
    "nothing, since it was closed": ([], 0, []),
}


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize("seconds", [None, 5])
def test_a_reply_begins_with_what_can_be_shown_and_blanks_wait_for_a_word(name, seconds) -> None:
    batches, taken, until = REPLIES[name]
    rest = iter(batches)
    reply = Reply(rest, needs_words=True)
    assert list(reply.begin(seconds)) == []
    assert reply.has_begun is bool(batches)
    left = list(rest)
    assert left == batches[taken:]
    reply.rest = iter(left)
    assert list(reply.until_the_first_word()) == until


WORDLESS = {
    "nothing": [[FINISHED]],
    "blanks": [[BLANK], [LINE, FINISHED]],
    "what nobody can see": [[TextDelta("\ufeff\u200b\u2060")], [FINISHED]],
    "empty text": [[TextDelta("")], [FINISHED]],
}


@pytest.mark.parametrize("name", WORDLESS)
@pytest.mark.parametrize(
    ("reason", "kind"), [("length", "wordless"), ("stop", "wordless"), ("content-filter", "filtered")]
)
def test_a_reply_without_a_word_is_a_failure_before_it_begins(name, reason, kind) -> None:
    batches = [
        [ModelFinished(reason, Usage()) if each is FINISHED else each for each in batch] for batch in WORDLESS[name]
    ]
    with pytest.raises(ModelError) as failure:
        list(Reply(iter(batches), needs_words=True).begin(None))
    assert (failure.value.kind.word, "content filter" in failure.value.message) == (kind, kind == "filtered")


@pytest.mark.parametrize("begun", [[()], [[THOUGHT]]], ids=["a heartbeat", "thoughts"])
@pytest.mark.parametrize("name", WORDLESS)
def test_and_after_it_has_begun(name, begun) -> None:
    reply = Reply(iter([*begun, *WORDLESS[name]]), needs_words=True)
    assert list(reply.begin(5)) == []
    said: list[Any] = []
    with pytest.raises(ModelError) as failure:
        said.extend(chunk for batch in reply.until_the_first_word() for chunk in batch)
    assert said == [chunk for batch in begun for chunk in batch]
    assert failure.value.kind is FailureKind.WORDLESS


@pytest.mark.parametrize("name", WORDLESS)
def test_where_the_answer_has_words_already_a_reply_may_have_none(name) -> None:
    reply = Reply(iter(WORDLESS[name]), needs_words=False)
    assert list(reply.begin(5)) == []
    said = [chunk for batch in reply.until_the_first_word() for chunk in batch]
    assert said == [chunk for batch in WORDLESS[name] for chunk in batch]


def test_silence_is_told_and_the_last_model_has_a_heartbeats_time() -> None:
    silent: list[Any] = [(), (), [BLANK], (), [WORD]]
    assert list(Reply(iter(silent), needs_words=True).begin(None)) == [(), (), ()]
    reply = Reply(iter(silent), needs_words=True)
    assert list(reply.begin(5)) == []
    assert not reply.has_begun
    assert list(reply.until_the_first_word()) == [(), (), (), (), [BLANK, WORD]]


def test_blanks_without_end_do_not_keep_the_response_from_beginning() -> None:
    reply = Reply(iter([[BLANK]] * 9), needs_words=True)
    assert list(reply.begin(0)) == []
    assert (reply.has_begun, len(list(reply.rest))) == (False, 8)
