"""Answers that another worker makes are followed by their rows, and ended by a word in them."""

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from support.database import SQLITE_ONLY, ask, rows, set_patience, write_locked

from app.engine.audience import MOST_LISTENERS
from app.engine.errors import ChatError, Problem
from app.engine.events import Batch, Event, TextDelta, TurnFailed, TurnFinished, TurnStarted
from app.engine.messages import AnswerRecord, Message, TextPart, Usage
from app.store.answer_states import AnswerStates
from app.store.database import Database
from app.store.elsewhere import AnswersElsewhere
from app.store.followed_row import FollowedRow
from app.store.tables import messages

WORDS = "SELECT stop, heard FROM messages WHERE id = 'a1'"


@pytest.fixture
def elsewhere(database) -> AnswersElsewhere:
    return AnswersElsewhere(database, AnswerStates(database), 0.02)


def said(text: str, status: str = "complete") -> AnswerRecord:
    return AnswerRecord(Message("assistant", (TextPart(text),)), status, "stop", Usage(), "m")  # type: ignore[arg-type]


def save(database: Database, text: str) -> None:
    parts = [{"type": "text", "text": text}]
    database.write(
        lambda connection: connection.execute(update(messages).where(messages.c.id == "a1").values(parts=parts))
    )


def followed_from(elsewhere: AnswersElsewhere) -> FollowedRow:
    state = elsewhere.look("a1")
    assert state
    return elsewhere.follow(state, 0)


def texts(batches: list[Batch]) -> list[str]:
    return [event.text for batch in batches for event in batch if isinstance(event, TextDelta)]


def test_what_is_saved_is_told_as_it_goes_on_and_the_end_with_it(database, conversations, elsewhere) -> None:
    conversation, _ = ask(conversations, q1="x", answer="a1")
    stream = iter(followed_from(elsewhere))
    batches: list[Batch] = [next(stream)]
    assert isinstance(batches[0][0], TurnStarted)
    for text in ("so", "so far"):
        save(database, text)
        batches.append(next(stream))
        assert not next(stream), "nothing new"
    conversations.add_answer(conversation, "a1", said("so far."))
    batches += stream
    assert texts(batches) == ["so", " far", "."]
    events: list[Event] = [event for batch in batches for event in batch]
    assert sum(isinstance(event, TurnStarted) for event in events) == 1
    assert isinstance(events[-1], TurnFinished)


def test_who_follows_says_so_and_who_leaves_is_not_waited_for(database, conversations, elsewhere) -> None:
    ask(conversations, q1="x", answer="a1")
    followed = followed_from(elsewhere)
    stream = iter(followed)
    next(stream)
    next(stream)
    assert rows(database, WORDS) == [(None, 1)]
    threading.Timer(0.1, followed.close).start()
    assert not [batch for batch in stream if batch]
    followed.close()


def test_so_many_may_follow_one_answer(conversations, elsewhere) -> None:
    ask(conversations, q1="x", answer="a1")
    followed = [followed_from(elsewhere) for _ in range(MOST_LISTENERS)]
    with pytest.raises(ChatError) as refused:
        followed_from(elsewhere)
    assert refused.value.problem is Problem.LIMITED
    followed[0].close()
    followed[0].close()
    followed_from(elsewhere)
    with pytest.raises(ChatError):
        followed_from(elsewhere)


def test_an_answer_that_goes_with_its_conversation_ends_so(database, conversations, elsewhere) -> None:
    ask(conversations, q1="x", answer="a1")
    stream = iter(followed_from(elsewhere))
    next(stream)
    database.write(lambda connection: connection.execute(delete(messages)))
    assert problem_of([*stream]) is Problem.NOT_FOUND


@SQLITE_ONLY
def test_a_database_that_is_away_for_a_moment_is_waited_for_and_not_for_ever(
    database, conversations, elsewhere
) -> None:
    ask(conversations, q1="x", answer="a1")
    away = Path(f"{database.file}.away")
    stream = iter(followed_from(elsewhere))
    next(stream)
    database.file.rename(away)
    assert not next(stream)
    away.rename(database.file)
    save(database, "so far")
    assert eventually_told(stream) == ["so far"]
    database.file.rename(away)
    assert problem_of([*stream]) is Problem.LOST


def test_a_database_that_can_only_be_read_is_looked_at(database, conversations, elsewhere) -> None:
    ask(conversations, q1="x", answer="a1")
    save(database, "so far")
    set_patience(database, 50)
    with write_locked(database):
        assert texts([next(iter(followed_from(elsewhere)))]) == ["so far"]


def test_to_stop_is_to_say_so_while_it_runs(database, conversations, elsewhere) -> None:
    conversation, _ = ask(conversations, q1="x", answer="a1")
    for _ in range(2):
        elsewhere.stop("a1")
        assert rows(database, WORDS) == [(1, 0)]
    conversations.add_answer(conversation, "a1", said("yes"))
    ask(conversations, q2="y", answer="a2")
    elsewhere.stop("a1")
    assert rows(database, "SELECT stop FROM messages WHERE id = 'a2'") == [(None,)]


def problem_of(batches: list[Batch]) -> Problem:
    last = batches[-1][-1]
    assert isinstance(last, TurnFailed)
    return last.error.problem


def eventually_told(stream) -> list[str]:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = texts([next(stream)])
        if found:
            return found
    raise AssertionError("nothing was told")
