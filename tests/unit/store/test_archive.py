"""Conversations as the operator has them."""

from support.database import rows

from app.store.archive import Archive


def test_an_end_user_is_erased_with_every_message_and_nobody_else_is(six, database) -> None:
    archive = Archive(database)
    assert archive.erase("bob") == 3
    assert archive.erase("bob") == 0
    assert rows(database, "SELECT id FROM messages ORDER BY id") == [("q1",), ("q3",), ("q5",)]
    assert [each.conversation.id for each in archive.export("demo", None)] == six[::2]
    assert list(archive.export("demo", "bob")) == []
