"""A hundred thousand conversations of twenty messages in PostgreSQL: what a turn, a page of history and a list of
conversations read is found by an index, and soon. PostgreSQL itself tells how it went about each statement."""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from types import SimpleNamespace

import pytest
from support.database import new_store
from support.explaining import EXPLAINING, Explained, explained_by, filling
from support.torture import scaled

from app.engine.conversation import Charge, ConversationRef, QuestionEntry, RequestKey, Rewind
from app.engine.messages import AnswerRecord, Message, ToolCallPart, ToolResultPart, Usage, text_message
from app.store.answer_states import AnswerStates
from app.store.chats import ChatStore
from app.store.checkpoints import Checkpoints
from app.store.database import Database
from app.store.histories import ConversationFilter, HistoryScope, HistoryStore
from app.store.keys import KeyStore
from app.store.runs import RunStore, StepRecord
from app.store.tool_results import ToolResultStore
from app.store.urls import database_url
from app.testing.postgres import Postgres, shared_postgres

pytestmark = pytest.mark.timed

CONVERSATIONS, MESSAGES = scaled(2_000, 100_000), 20
MOST_MILLISECONDS = 20  # of database time, for a page of history
LARGE = {"conversations", "messages", "runs", "run_steps", "sessions"}
_numbers = count(42, 4)  # of conversations that no test has used
AGENTS = HistoryScope("demo", "agents", "key:a")
ANSWER = AnswerRecord(text_message("assistant", "Yes."), "complete", "stop", Usage(3, 2), "m", 3)


@pytest.fixture(scope="module")
def filled() -> Iterator[tuple[Postgres, str]]:
    server = shared_postgres()
    with server.database() as name:
        server.execute(filling(CONVERSATIONS, MESSAGES), "VACUUM ANALYZE", name=name)
        server.execute(*(f"ALTER DATABASE {name} SET {setting}" for setting in EXPLAINING))
        yield server, name


@pytest.fixture(params=["auto", "force_generic_plan"])
def database(filled, request) -> Database:
    """A statement is planned for its own values at first, and when it has been run a few times for any."""
    server, name = filled
    server.execute(f"ALTER DATABASE {name} SET plan_cache_mode = {request.param}")
    return Database(database_url(server.local_url(name)))


@pytest.fixture
def explained(filled) -> Callable[[Callable[[], object]], list[Explained]]:
    """What a call had PostgreSQL do."""
    return partial(explained_by, filled[0])


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Turns:
    """Questions of the key with most conversations, each in another of them, with all that a question may have."""

    def __init__(self, database: Database) -> None:
        self.store, keys = new_store(database), KeyStore(database)
        self._charge = Charge(keys.find(keys.create("secret", "demo", budget=10**9).encode()).id, 5)

    def ask(self, kind: str = "", answered: AnswerRecord | None = ANSWER, **ref: str) -> tuple[str, str]:
        """With a rewind of this kind; the ids of the conversation and of its answer."""
        number, ids = next(_numbers), list[str]()
        ref = {name: value.format(number=number, id=md5(f"c{number}")) for name, value in ref.items()}
        last = {"edit": 19, "retry": 20, "again": 19}.get(kind)
        entry = QuestionEntry(
            ConversationRef("demo", "agents", "key:a", **ref),
            {} if kind == "retry" else {uuid.uuid4().hex: text_message("user", "And then?")},
            *(20, uuid.uuid4().hex),
            rewind=Rewind(kind, (md5(f"m{number}-{last}"),) if last else ()) if kind else None,
            charge=self._charge,
            posted=None if ref else [text_message("user", "Hi."), text_message("assistant", "Hello.")],
            request_key=RequestKey(uuid.uuid4().hex * 2, "f"),
        )
        self.store.refuse_repeated(entry)
        self.store.add_question(entry, ids.append)
        if answered:
            self.store.add_answer(ids[0], entry.answer_id, answered, self._charge)
        return ids[0], entry.answer_id

    def resume(self, results: ToolResultStore, kind: str) -> None:
        """The answer goes on with what its caller has brought, at once or one by one."""
        calls = Message("assistant", (ToolCallPart("1", "confirm", {}),))
        waiting = replace(ANSWER, message=calls, finish_reason="tool-calls")
        conversation_id, answer_id = self.ask(answered=waiting, id="{id}")
        brought, tools = ToolResultPart("1", "confirm", "y", is_error=False), frozenset({"confirm"})
        if kind == "continue":
            results.add(conversation_id, "1", "y", tools)
        rewind = Rewind(kind, (answer_id,), {"1": brought} if kind == "resume" else {}, tools)
        ref = ConversationRef("demo", "agents", "key:a", id=conversation_id)
        self.store.add_question(QuestionEntry(ref, {}, 20, uuid.uuid4().hex, rewind=rewind), lambda _: None)
        self.store.give_up_answer(answer_id)


@pytest.mark.parametrize(
    ("kind", "ref"),
    [
        ("", {}),
        ("", {"external_id": "s-{number}"}),
        ("repeat", {"external_id": "new-{number}"}),
        *((kind, {"id": "{id}"}) for kind in ("", "repeat", "edit", "retry", "again")),
    ],
    ids=str,
)
def test_a_turn_reads_no_table_whole(database, explained, kind, ref) -> None:
    turns = Turns(database)
    check(explained(lambda: turns.ask(kind, **ref)), 7)


@pytest.mark.parametrize("kind", ["resume", "continue"])
def test_an_answer_that_goes_on_reads_no_table_whole(database, explained, kind) -> None:
    turns, results = Turns(database), ToolResultStore(database)
    check(explained(lambda: turns.resume(results, kind)), 15)


def test_who_reads_on_saves_and_stops_reads_no_table_whole(database, explained) -> None:
    turns, states, runs = Turns(database), AnswerStates(database), RunStore(database)
    conversation_id, answer_id = turns.ask(answered=None, id="{id}")
    running = [SimpleNamespace(answer_id=answer_id, said_bytes=1, record_so_far=lambda: ANSWER)]
    saving = Checkpoints(database, turns.store._worker, SimpleNamespace(all=lambda: running))
    step = StepRecord("s", "complete", 0, 0)

    def all_of_it() -> None:
        states.latest(conversation_id)
        states.numbered(answer_id)
        states.named(AGENTS, answer_id)
        saving.save()
        runs.begin(answer_id, conversation_id, "w", 1)
        runs.add_steps(answer_id, [step])
        runs.end(answer_id, "complete", None, [step])
        turns.store.give_up_answer(answer_id)

    check(explained(all_of_it), 15)


def pages(database: Database) -> Mapping[str, Callable[[], object]]:
    """Every page that wires show of conversations, messages and runs: of who has most, and of who has some."""
    histories, chats, runs = HistoryStore(database), ChatStore(database), RunStore(database)
    middle, some = CONVERSATIONS // 2, HistoryScope("demo", "chats", "user:4")
    wanted = {
        "": {},
        ", by activity": {"by_activity": True},
        ", from the middle on": {"cursor": (middle, "")},
        ", by activity, from the middle on": {"cursor": (2 * CONVERSATIONS - middle, ""), "by_activity": True},
        ", of a person": {"end_user": "person 2"},
        ", of a time": {"created_from": middle, "created_until": middle + 500},
    }
    listed = {
        f"conversations of {whose}{which}": partial(histories.conversations, scope, ConversationFilter(50, **filters))
        for which, filters in wanted.items()
        for whose, scope in (("most", AGENTS), ("some", some))
    }
    conversation_id = md5("c42")
    return listed | {
        "the latest": partial(histories.latest, AGENTS, None, 50),
        "the latest of some": partial(histories.latest, some, None, 50),
        "a named one": partial(histories.latest, AGENTS, "s-42", 50),
        "one": partial(histories.conversation, AGENTS, conversation_id, "s-42"),
        "messages": partial(histories.messages, AGENTS, conversation_id, 50, None),
        "messages before": partial(histories.messages, AGENTS, conversation_id, 5, 9),
        "chats": partial(chats.all, "user:4", 20, 0),
        "chats behind others": partial(chats.all, "user:4", 20, CONVERSATIONS // 100 - 10),
        "messages of a chat": partial(chats.messages, md5("c4"), 50),
        "an exchange": partial(chats.exchange, md5("m4-1"), md5("m4-2")),
        "a rating": partial(histories.rate, AGENTS, conversation_id, md5("m42-2"), "positive"),
        "a state": partial(histories.set_state, AGENTS, conversation_id, "ongoing"),
        "runs": partial(runs.of_conversation, conversation_id, 20),
        "a run": partial(runs.find, md5("m42-20"), "key:a"),
        "a chat that is deleted": partial(ChatStore(database).delete, chats.create("demo", "user:4", "4", None).id),
    }


def test_a_page_of_history_reads_no_table_whole(database, explained) -> None:
    for name, call in pages(database).items():
        check(explained(call), 1, name)


@pytest.mark.parametrize("database", ["auto"], indirect=True)
def test_a_page_of_history_takes_little_time_however_many_there_are(database, explained, record_property) -> None:
    calls = {name: call for name, call in pages(database).items() if "deleted" not in name}
    taken = {
        name: min(sum(plan.milliseconds for plan in explained(call)) for _ in range(5)) for name, call in calls.items()
    }
    slowest = sorted(taken.items(), key=lambda item: -item[1])[:5]
    told = ", ".join(f"{name} {milliseconds:.1f} ms" for name, milliseconds in slowest)
    record_property("told", f"Database time of the slowest pages among {CONVERSATIONS:,} conversations: {told}")
    assert max(taken.values()) < MOST_MILLISECONDS


def check(plans: Sequence[Explained], least: int, name: str = "") -> None:
    assert len(plans) >= least
    assert [(name, each.text, each.scans & LARGE) for each in plans if each.scans & LARGE] == []
