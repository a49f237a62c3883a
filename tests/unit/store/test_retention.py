"""How long conversations stay: as long as the shortest time that applies, whatever else is done to them."""

from dataclasses import replace
from functools import partial

import gevent
import pytest
from sqlalchemy import insert, update
from support.database import REF, ask, plan_of, rows

from app.store.archive import Archive
from app.store.audit import deeds
from app.store.database import Database
from app.store.retention import DAY_MILLISECONDS, Retention
from app.store.tables import audit, now
from app.store.tables import conversations as conversation_rows
from app.testing.server import eventually

RULES = {"days": 90, "agents": {"demo": 30}, "wires": {"workers": 7}}


def begin(store, database, name: str, days: float, *, agent: str = "demo", wire: str = "widget", answer="") -> str:
    """A conversation that was last active so many days ago."""
    ref = replace(REF, external_id=name, agent=agent, wire=wire)
    made, _ = ask(store, ref, answer=answer, **{f"q-{name}": name})
    age(database, made, days)
    return made


def age(database, conversation: str, days: float) -> None:
    time = now() - int(days * DAY_MILLISECONDS)
    query = update(conversation_rows).where(conversation_rows.c.id == conversation).values(updated_at=time)
    database.write(lambda connection: connection.execute(query))


def left(database) -> set[str]:
    return {each for (each,) in rows(database, "SELECT external_id FROM conversations")}


def test_of_all_times_that_apply_the_shortest_counts(conversations, database) -> None:
    make = partial(begin, conversations, database)
    for agent in ("demo", "other"):
        for wire in ("widget", "workers"):
            for days in (6.9, 7.1, 29.9, 30.1, 89.9, 90.1):
                make(f"{agent} {wire} {days}", days, agent=agent, wire=wire)
    kept = Retention(database, **RULES)
    stays = {
        *(f"demo widget {days}" for days in (6.9, 7.1, 29.9)),
        *(f"other widget {days}" for days in (6.9, 7.1, 29.9, 30.1, 89.9)),
        *("demo workers 6.9", "other workers 6.9"),
    }
    assert kept.count() == 24 - len(stays)
    assert len(left(database)) == 24, "who only counts deletes nothing"
    assert kept.expire() == 24 - len(stays)
    assert (kept.count(), kept.expire(), left(database)) == (0, 0, stays)
    (deed,) = deeds(database)
    assert (deed.actor, deed.action, deed.object) == ("retention", "retention.erased", None)
    assert deed.details == {"conversations": 24 - len(stays)}


@pytest.mark.parametrize(
    ("rule", "days"), [({"days": 30}, 30), ({"agents": {"demo": 7}}, 7), ({"wires": {"widget": 1}}, 1)]
)
def test_one_rule_is_enough(conversations, database, rule, days) -> None:
    begin(conversations, database, "old", days + 0.1)
    begin(conversations, database, "new", days - 0.1)
    assert Retention(database, **rule).expire() == 1
    assert left(database) == {"new"}


def test_without_a_rule_nothing_is_ever_deleted(conversations, database) -> None:
    begin(conversations, database, "old", 36_000)
    kept = Retention(database)
    assert (kept.count(), kept.expire(), left(database)) == (0, 0, {"old"})


def test_what_is_pinned_stays_and_what_runs_and_what_was_asked_again(conversations, database) -> None:
    make, kept = partial(begin, conversations, database), Retention(database, **RULES)
    pinned, _ = make("pinned", 400), make("running", 400, answer="a")
    make("old", 400)
    make("again", 400)
    ask(conversations, replace(REF, external_id="again"), q="x")
    Archive(database).pin(pinned, "test", pinned=True)
    assert kept.expire() == 1
    assert left(database) == {"pinned", "running", "again"}
    Archive(database).pin(pinned, "test", pinned=False)
    conversations.give_up_answer("a")
    assert kept.expire() == 2
    assert left(database) == {"again"}


def test_a_month_goes_by_day_by_day(conversations, database) -> None:
    """Of one conversation each day on each wire, those of the last 30 days stay, and of the last 7."""
    kept = Retention(database, **RULES)
    erased = []
    for today in range(1, 41):
        query = update(conversation_rows)
        query = query.values(updated_at=conversation_rows.c.updated_at - DAY_MILLISECONDS)
        database.write(lambda connection, query=query: connection.execute(query))
        begin(conversations, database, f"a{today}", 0)
        begin(conversations, database, f"w{today}", 0, wire="workers")
        erased.append(kept.expire())
    assert erased == [0] * 7 + [1] * 23 + [2] * 10
    assert left(database) == {f"a{day}" for day in range(11, 41)} | {f"w{day}" for day in range(34, 41)}


def test_two_workers_that_look_at_once_delete_each_conversation_once(conversations, database) -> None:
    for number in range(120):
        begin(conversations, database, f"old{number}", 100)
    other = Retention(Database(database.url), **RULES)
    both = [gevent.spawn(each.expire) for each in (Retention(database, **RULES), other)]
    gevent.joinall(both, timeout=60, raise_error=True)
    assert sum(each.value for each in both) == 120
    assert left(database) == set()
    assert sum(each.details["conversations"] for each in deeds(database)) == 120


def test_the_audit_log_is_kept_for_its_own_time(database) -> None:
    old = [
        {
            "id": f"{days}",
            "at": now() - days * DAY_MILLISECONDS,
            "actor": "test",
            "action": "key.revoked",
            "details": {},
        }
        for days in (500, 401, 399, 0)
    ]
    database.write(lambda connection: connection.execute(insert(audit), old))
    Retention(database).expire()
    assert [each.id for each in deeds(database)] == ["399", "0"]
    Retention(database, audit_days=30).expire()
    assert [each.id for each in deeds(database)] == ["0"]


def test_a_worker_looks_by_itself(conversations, database) -> None:
    begin(conversations, database, "old", 400)
    kept = Retention(database, **RULES)
    kept.start()
    eventually(lambda: left(database) == set(), 20)


def test_what_may_be_over_is_found_by_its_age(conversations, database) -> None:
    begin(conversations, database, "x", 0)
    for whose in ("", " AND agent = 'demo'", " AND channel = 'workers'"):
        query = (
            f"SELECT id FROM conversations WHERE updated_at < 5{whose} AND updated_at >= 3 ORDER BY updated_at LIMIT 50"
        )
        assert "ix_conversations_updated_at" in plan_of(database, query)


def test_thousands_that_stay_are_looked_through_once(conversations, database) -> None:
    """Of one agent's, which go sooner, and others' of the same age, which stay."""
    for number in range(120):
        begin(conversations, database, f"{number}", 50, agent="demo" if number % 2 else "site")
    assert Retention(database, agents={"demo": 40}).expire() == 60
    assert len(left(database)) == 60
