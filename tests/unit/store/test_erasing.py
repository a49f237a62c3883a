"""Conversations that go for good: all that hangs on them, in pieces, and nothing else."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import gevent
from sqlalchemy import insert
from support.database import REF, add_messages, ask, counted, new_store, rows

from app.store import erasing
from app.store.archive import Archive
from app.store.audit import deeds
from app.store.erasing import Eraser, each_noted, of_end_user, of_id, of_session
from app.store.runs import RunStore, StepRecord
from app.store.tables import earlier_answers
from app.store.workers import Worker

NOTE = each_noted("test")


def test_an_end_user_is_erased_with_every_message_and_nobody_else_is(six, database) -> None:
    eraser = Eraser(database)
    assert eraser.erase(of_end_user("bob"), NOTE) == 3
    assert eraser.erase(of_end_user("bob"), NOTE) == 0
    assert rows(database, "SELECT id FROM messages ORDER BY id") == [("q1",), ("q3",), ("q5",)]
    archive = Archive(database)
    assert [each.conversation.id for each in archive.export("demo", None)] == six[::2]
    assert list(archive.export("demo", "bob")) == []
    assert {(each.actor, each.action, each.object) for each in deeds(database)} == {
        ("test", "conversation.erased", each) for each in six[1::2]
    }


def test_one_is_erased_by_its_id_and_some_by_their_callers_own(six, conversations, database) -> None:
    eraser = Eraser(database)
    assert eraser.erase(of_id(six[0]), NOTE) == 1
    ask(conversations, replace(REF, owner="key:2", external_id="s3"), q7="of another key")
    ask(conversations, replace(REF, agent="other", external_id="s3"), q8="to another agent")
    assert eraser.erase(of_session("demo", "s3"), NOTE) == 2
    assert eraser.erase(of_session("demo", "s9"), NOTE) == 0
    assert [each for (each,) in rows(database, "SELECT id FROM messages ORDER BY id")] == ["q2", "q4", "q5", "q6", "q8"]


def test_whatever_hangs_on_a_conversation_goes_with_it_in_pieces(conversations, database) -> None:
    kept, _ = ask(conversations, replace(REF, external_id="kept", end_user="bob"), k="x")
    before = counted(database)
    large, _ = ask(conversations, replace(REF, end_user="ada"), q="x", answer="a")
    add_messages(database, large, 3, 1000)
    runs = RunStore(database)
    for number in range(70):
        runs.begin(f"r{number}", large, "w", 1)
        runs.add_steps(f"r{number}", [StepRecord(f"s{step}", "complete", 1, 2, "yes") for step in range(3)])
    earlier = {"answer_id": "a", "said": 0, "digest": "", "status": "complete", "fingerprint": ""}
    earlier |= {"request_key": "k", "asked_again_until": 1}
    database.write(lambda connection: connection.execute(insert(earlier_answers), earlier))
    for number in range(60):
        ask(conversations, replace(REF, external_id=f"s{number}", end_user="ada"), **{f"q{number}": "x"})
    changed: list[int] = []

    def count(_: Any, ids: Any) -> None:
        changed.append(len(ids))

    assert Eraser(database).erase(of_end_user("ada"), count) == 61
    assert max(changed) <= erasing._LOCKED
    assert sum(changed) == 61
    assert counted(database) == before
    assert [each.conversation.id for each in Archive(database).export("demo", None)] == [kept]


def test_no_transaction_deletes_more_than_some_hundred_rows(conversations, database) -> None:
    conversation, _ = ask(conversations, q="x")
    add_messages(database, conversation, 2, 2000)
    left = [2001]

    def one_piece(most: int) -> bool:
        _, all_gone = database.write(lambda c: erasing._delete(c, [conversation], of_id(conversation), most, NOTE))
        left.append(rows(database, "SELECT count(*) FROM messages")[0][0])
        return all_gone

    while not one_piece(erasing._MOST_ROWS):
        (first,) = rows(database, "SELECT min(sequence) FROM messages")[0]
        assert first == 2001 - left[-1] + 1, "the oldest go first"
    assert [before - after for before, after in pairwise(left)][:-1] == [erasing._MOST_ROWS] * 6
    assert rows(database, "SELECT count(*) FROM conversations") == [(0,)]


def test_who_is_asked_again_meanwhile_stays_where_it_does_not_match_any_more(six, database) -> None:
    old = erasing.conversations.c.updated_at < 998
    database.write(lambda c: c.exec_driver_sql(f"UPDATE conversations SET updated_at = 5000 WHERE id = '{six[3]}'"))
    gone, all_gone = database.write(lambda connection: erasing._delete(connection, six, old, 100, NOTE))
    assert (gone, all_gone) == (3, True)
    assert [each for (each,) in rows(database, "SELECT id FROM conversations ORDER BY created_at")] == [
        *six[:2],
        six[3],
    ]


def test_an_answer_that_runs_is_ended_before_its_conversation_goes(database) -> None:
    store = new_store(database)
    conversation, _ = ask(store, q="x", answer="a")
    folder = store._worker.folder
    worker = Worker(folder, has_row=database.file is None)
    erasing_it = gevent.spawn(Eraser(database, worker).erase, of_id(conversation), NOTE)
    asked = lambda: rows(database, "SELECT stop FROM messages WHERE id = 'a'")  # noqa: E731
    while asked() != [(1,)]:
        gevent.sleep(0.02)
    assert (folder / worker.id).exists(), "so that a worker that is alone otherwise looks"
    gevent.sleep(0.3)
    assert asked() == [(1,)], "it is waited for"
    store.give_up_answer("a")
    assert erasing_it.get(timeout=3) == 1
    assert [each.name for each in folder.iterdir()] == [store._worker.id]
    assert counted(database) == {"audit": 1}
