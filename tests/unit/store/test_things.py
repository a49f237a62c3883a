"""Things, which are their user's alone; tests/wires/things has the rest."""

import pytest
from sqlalchemy import insert
from support.fakes import problem_of

from app.engine.errors import Problem
from app.store.tables import things as table
from app.store.things import MOST_THINGS, Thing, ThingStore


@pytest.fixture
def things(database) -> ThingStore:
    return ThingStore(database)


def test_a_change_replaces_what_it_names_and_returns_the_list(things, ada) -> None:
    cat, dog = things.add(ada, "cat", "black"), things.add(ada, "dog", "brown")
    changed = things.change(ada, cat.id, {"content": "white"}, 10)
    assert changed.items == [Thing(cat.id, "cat", "white"), dog]
    assert things.all(ada) == changed.items
    assert things.page(ada, 10) == changed
    assert (things.page(ada, 1).items, things.page(ada, 1, cat.id).items) == ([changed.items[0]], [dog])


def test_another_users_thing_is_not_found_and_stays(things, ada, bob) -> None:
    thing = things.add(ada, "cat", "black")
    tries = (lambda: things.change(bob, thing.id, {"name": "x"}, 10), lambda: things.remove(bob, thing.id))
    assert [problem_of(each) for each in tries] == [Problem.NOT_FOUND] * 2
    assert (things.all(ada), things.all(bob)) == ([thing], [])


def test_the_id_of_a_thing_that_was_removed_is_never_used_again(things, ada) -> None:
    thing = things.add(ada, "cat", "black")
    things.remove(ada, thing.id)
    assert problem_of(lambda: things.remove(ada, thing.id)) is Problem.NOT_FOUND
    assert things.add(ada, "dog", "brown").id > thing.id


def test_a_user_can_have_so_many_things_and_no_more(things, database, ada, bob) -> None:
    many = [{"user_id": ada, "name": "x", "content": "x"}] * MOST_THINGS
    database.write(lambda connection: connection.execute(insert(table), many))
    assert problem_of(lambda: things.add(ada, "x", "x")) is Problem.INVALID
    things.add(bob, "x", "x")
