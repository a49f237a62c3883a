"""Accounts that go for good: all that is theirs, and nothing else."""

from typing import Any

import pytest
from support.database import add_messages, counted, rows

from app.store.audit import deeds
from app.store.chats import ChatStore
from app.store.deleted_users import delete_user
from app.store.erasing import Eraser, each_noted, of_owner
from app.store.runs import RunStore
from app.store.things import ThingStore
from app.store.users import User, UserStore
from app.store.workflows import WorkflowStore

NOTE = each_noted("test")


@pytest.mark.usefixtures("bob")
def test_a_user_is_deleted_with_all_that_is_theirs_and_nobody_else_is(database, ada) -> None:
    users, things, chats = UserStore(database), ThingStore(database), ChatStore(database)
    for name in ("bob", "ada"):
        user = User(name, f"{name}@example.com", name, 0, None)
        users.start_session(user)
        for number in range(450 if name == "ada" else 1):
            things.add(name, f"{number}", "x")
        for _ in range(12 if name == "ada" else 1):
            WorkflowStore(database).add(name, {"name": "w"})
        for number in range(3):
            chat = chats.create("demo", f"user:{name}", name, None)
            RunStore(database).begin(f"{name}{number}", chat.id, "w", 1)
            add_messages(database, chat.id, 1, 5)
        if name == "bob":
            before = counted(database)
    assert delete_user(database, Eraser(database), " ADA@example.com", "test") == 3
    assert delete_user(database, Eraser(database), "ada@example.com", "test") is None
    left = counted(database)
    assert left.pop("audit") == 4
    before["users"] -= 1
    assert left == before
    deleted = [each for each in deeds(database) if each.action == "user.deleted"]
    assert [(each.actor, each.object, each.details) for each in deleted] == [("test", ada, {"conversations": 3})]
    assert Eraser(database).erase(of_owner("user:bob"), NOTE) == 3


def test_a_deletion_that_was_broken_off_goes_on(database, ada) -> None:
    ThingStore(database).add(ada, "n", "x")

    class Broken(Eraser):
        def erase(self, *_: Any) -> int:
            raise OSError("broken off")

    with pytest.raises(OSError, match="broken off"):
        delete_user(database, Broken(database), "ada@example.com", "test")
    assert rows(database, "SELECT disabled_at IS NULL FROM users") in ([(0,)], [(False,)])
    assert delete_user(database, Eraser(database), "ada@example.com", "test") == 0
    assert counted(database) == {"audit": 1}
