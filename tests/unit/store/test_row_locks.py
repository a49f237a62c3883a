"""What happens at the same moment, on databases of each kind: nothing is counted twice, lost, or left behind."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gevent
import pytest
from sqlalchemy import insert, make_url
from support.database import REF, ask, new_store, rows

from app.engine.conversation import Charge, QuestionEntry, RequestKey
from app.engine.errors import ChatError, RepeatedError
from app.engine.messages import AnswerRecord, Message, TextPart, ToolCallPart, Usage, text_message
from app.store.database import Database
from app.store.erasing import Eraser, each_noted, of_end_user
from app.store.keys import KeyStore
from app.store.runs import RunStore, StepRecord
from app.store.tables import things as thing_rows
from app.store.tables import workflow_versions, workflows
from app.store.things import MOST_THINGS, ThingStore
from app.store.tool_results import ToolResultStore
from app.store.users import User, UserStore
from app.store.workers import Worker, bury_dead_workers
from app.store.workflows import MOST_WORKFLOWS, WorkflowStore
from app.testing.postgres import shared_postgres

ANSWER = AnswerRecord(Message("assistant", (TextPart("yes"),)), "complete", "stop", Usage(3, 2), "m", credits=2)


def at_once(*works: Callable[[], Any]) -> Counter[str]:
    """How often each of these came out: "done", or the name of a problem."""

    def outcome(work: Callable[[], Any]) -> str:
        try:
            work()
        except RepeatedError:
            return "REPEATED"
        except ChatError as error:
            return error.problem.name
        return "done"

    running = [gevent.spawn(outcome, work) for work in works]
    gevent.joinall(running, timeout=60, raise_error=True)
    return Counter(each.value for each in running)


def test_steps_that_end_side_by_side_are_all_kept_and_numbered_one_by_one(conversations, database) -> None:
    runs = RunStore(database)
    runs.begin("r", ask(conversations, q="x")[0], "w", 1)
    steps = [StepRecord(f"s{number}", "complete", 1, 2, "yes") for number in range(20)]
    assert at_once(*(lambda each=each: runs.add_steps("r", [each]) for each in steps)) == {"done": 20}
    assert rows(database, "SELECT number FROM run_steps ORDER BY number") == [(number,) for number in range(1, 21)]


@pytest.mark.usefixtures("ada")
def test_no_session_survives_what_ends_all_sessions_at_the_same_moment(database) -> None:
    users, user = UserStore(database), User("ada", "ada@example.com", "ada", 0, None)
    for _ in range(20):
        came = at_once(lambda: users.start_session(user), lambda: users.disable("ada@example.com"))
        assert came in ({"done": 2}, {"done": 1, "UNAUTHORIZED": 1})
        assert rows(database, "SELECT count(*) FROM sessions") == [(0,)]
        users.enable("ada@example.com")


@pytest.mark.usefixtures("ada")
def test_who_sign_in_at_once_clear_away_old_sessions_without_waiting_for_each_other(database) -> None:
    users, user = UserStore(database), User("ada", "ada@example.com", "ada", 0, None)
    old = [(f"h{number}", "ada", 0, 0) for number in range(200)]
    database.write(
        lambda c: [
            c.exec_driver_sql(f"INSERT INTO sessions (hash, user_id, created_at, expires_at) VALUES {each}")
            for each in old
        ]
    )
    assert at_once(*[lambda: users.start_session(user)] * 12) == {"done": 12}
    assert rows(database, "SELECT count(*) FROM sessions") == [(12,)]


def test_nobody_gets_more_than_may_be_had_by_asking_ten_times_at_once(database, ada) -> None:
    things, store = ThingStore(database), WorkflowStore(database)
    thing = {"user_id": "ada", "name": "n", "content": "c"}
    database.write(lambda c: c.execute(insert(thing_rows), [thing] * (MOST_THINGS - 5)))
    assert at_once(*[lambda: things.add(ada, "n", "c")] * 10) == {"done": 5, "INVALID": 5}
    row = {"user_id": "ada", "version": 1, "created_at": 1, "updated_at": 1}
    database.write(lambda c: c.execute(insert(workflows), [{**row, "id": f"{n}"} for n in range(MOST_WORKFLOWS - 5)]))
    assert at_once(*[lambda: store.add(ada, {})] * 10) == {"done": 5, "INVALID": 5}
    assert rows(database, "SELECT count(*) FROM things") == [(MOST_THINGS,)]


def test_of_ten_changes_of_one_version_one_is_made_and_the_others_hear_of_it(database, ada) -> None:
    store = WorkflowStore(database)
    for _ in range(20):
        made = store.add(ada, {})
        changes = [lambda made=made: store.change(ada, made.id, 1, {"name": "2"})] * 10
        assert at_once(*changes) == {"done": 1, "CHANGED": 9}
    assert rows(database, f"SELECT version, count(*) FROM {workflow_versions.name} GROUP BY version ORDER BY 1") == [
        (1, 20),
        (2, 20),
    ]


def test_what_is_erased_while_it_is_asked_and_answered_is_gone_or_asked_anew(conversations, database) -> None:
    eraser, ref = Eraser(database), replace(REF, end_user="ada")
    for number in range(20):
        conversation, _ = ask(conversations, ref, answer=f"a{number}", **{f"q{number}": "x"})
        came = at_once(
            lambda conversation=conversation, number=number: conversations.add_answer(
                conversation, f"a{number}", ANSWER
            ),
            lambda: eraser.erase(of_end_user("ada"), each_noted("test")),
            lambda number=number: ask(conversations, ref, **{f"again{number}": "x"}),
        )
        assert came["done"] >= 1
        assert set(came) <= {"done", "LOST", "BUSY"}
        eraser.erase(of_end_user("ada"), each_noted("test"))
        assert rows(database, "SELECT count(*) FROM messages") == [(0,)]


def test_a_question_that_comes_as_its_conversation_is_erased_is_asked_there_or_begins_another(
    conversations, database
) -> None:
    eraser, ref = Eraser(database), replace(REF, end_user="ada")
    for number in range(30):
        ask(conversations, ref, **{f"q{number}": "x"})
        asked = [
            lambda number=number, n=n: ask(conversations, replace(ref, external_id=f"s{n}"), **{f"q{number}-{n}": "x"})
            for n in range(3)
        ]
        again = lambda number=number: ask(conversations, ref, **{f"again{number}": "x"})  # noqa: E731
        assert at_once(lambda: eraser.erase(of_end_user("ada"), each_noted("test")), again, *asked) == {"done": 5}
        eraser.erase(of_end_user("ada"), each_noted("test"))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_question_waits_for_who_has_begun_to_erase_its_conversation(conversations, database) -> None:
    first, _ = ask(conversations, q="x")
    with shared_postgres().connect(make_url(database.url).database) as outside, outside.transaction():
        outside.execute("SELECT id FROM conversations FOR UPDATE")
        asking = gevent.spawn(ask, conversations, again="x")
        gevent.sleep(0.3)
        outside.execute("DELETE FROM messages")
        outside.execute("DELETE FROM conversations")
    assert asking.get(timeout=10)[0] != first


def test_the_same_that_is_asked_ten_times_at_once_is_asked_once(conversations, database) -> None:
    stores = [conversations, new_store(Database(database.url))]
    key = RequestKey("k" * 64, "f" * 64)

    def entry(number: int) -> QuestionEntry:
        return QuestionEntry(REF, {f"q{number}": text_message("user", "x")}, 9, f"a{number}", request_key=key)

    asked = [lambda n=n: stores[n % 2].add_question(entry(n), lambda _: None) for n in range(10)]
    assert at_once(*asked) == {"done": 1, "REPEATED": 9}
    assert rows(database, "SELECT count(*) FROM messages") == [(2,)]


def test_of_ten_questions_of_one_conversation_at_once_one_is_asked(conversations) -> None:
    ask(conversations, q="x")
    asked = [lambda n=n: ask(conversations, answer=f"a{n}", **{f"q{n}": "x"}) for n in range(10)]
    assert at_once(*asked) == {"done": 1, "BUSY": 9}


def test_results_that_are_brought_at_once_are_all_kept(conversations, database) -> None:
    calls: Sequence[ToolCallPart] = [ToolCallPart(f"c{number}", "confirm", {}) for number in range(10)]
    conversation, _ = ask(conversations, q="x", answer="a")
    waiting = AnswerRecord(Message("assistant", tuple(calls)), "complete", "tool-calls", Usage(3, 2), "m")
    conversations.add_answer(conversation, "a", waiting)
    results = ToolResultStore(database)
    brought = [lambda call=call: results.add(conversation, call.call_id, "yes", {"confirm"}) for call in calls]
    assert at_once(*brought) == {"done": 10}
    (said,) = rows(database, "SELECT CAST(parts AS text) FROM messages WHERE id = 'a'")
    assert said[0].count('"tool-result"') == 10


def test_an_answer_that_ends_as_its_worker_is_buried_is_charged_once(database, tmp_path) -> None:
    worker, store = Worker(tmp_path / "workers"), new_store(database)
    KeyStore(database).create("secret", "demo", budget=100)
    worker.claim()
    ((key,),) = rows(database, "SELECT id FROM keys")
    charge, conversation = Charge(key, 2), list[str]()
    for number in range(10):
        entry = QuestionEntry(REF, {f"q{number}": text_message("user", "x")}, 9, f"a{number}", charge=charge)
        store.add_question(entry, conversation.append)
        database.write(lambda c: c.exec_driver_sql("UPDATE messages SET due = 2 WHERE status = 'running'"))
        came = at_once(
            lambda number=number: store.add_answer(conversation[0], f"a{number}", ANSWER, charge),
            lambda: bury_dead_workers(database, worker),  # in another folder than the store's, which seems dead there
        )
        assert set(came) <= {"done", "LOST"}
        assert rows(database, "SELECT spent FROM keys") == [(2 * (number + 1),)]
        assert rows(database, f"SELECT credits, held FROM messages WHERE id = 'a{number}'") == [(2, 0)]
