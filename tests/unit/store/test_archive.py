"""Conversations as the operator has them."""

from support.database import rows

from app.store.archive import Archive


def test_a_conversation_is_pinned_and_let_go_again_and_each_is_recorded(six, database) -> None:
    archive = Archive(database)
    assert archive.pin(six[0], "test", pinned=True) is True
    assert [each.pinned for each in archive.export("demo", None)] == [True, *[False] * 5]
    assert archive.pin(six[0], "test", pinned=False) is True
    assert archive.pin("unknown", "test", pinned=True) is False
    assert not any(each.pinned for each in archive.export("demo", None))
    assert rows(database, "SELECT actor, action, object FROM audit ORDER BY at, action") == [
        ("test", "conversation.pinned", six[0]),
        ("test", "conversation.unpinned", six[0]),
    ]
