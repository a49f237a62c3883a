"""`[retention]`: what the server deletes by itself, and `flask conversations expire` by hand."""

import pytest
from support.agents import Client

from app.store.database import Database
from app.testing.postgres import shared_postgres
from app.testing.server import Server, eventually

RETENTION = "[retention]\ndays = 30\nagents = { frank = 7 }\naudit_days = 60\n\n[limits]"
SAID = "SELECT title FROM conversations ORDER BY title"


@pytest.fixture(params=["sqlite", "postgresql"])
def postgres(request) -> dict[str, str]:
    if request.param == "sqlite":
        return {}
    return {"DATABASE_URL": shared_postgres().url(shared_postgres().new_database())}


def pass_days(server: Server, days: int) -> None:
    """All that is in the database is so many days older."""
    older = days * 24 * 3600 * 1000
    database = Database(server.store_url)
    for change in (f"conversations SET updated_at = updated_at - {older}", f"audit SET at = at - {older}"):
        database.write(lambda connection, change=change: connection.exec_driver_sql(f"UPDATE {change}"))


def test_months_go_by_and_each_conversation_goes_in_its_time(postgres, tmp_path) -> None:
    with Server(tmp_path / "home", env=postgres, changes={"[limits]": RETENTION}) as server:
        opens, frank = Client.new(server), Client.new(server, "frank")
        kept = opens.ask("kept")["metadata"]["conversationId"]
        asked = opens.ask("again")["metadata"]["conversationId"]
        opens.ask("once")
        frank.ask("soon")
        server.flask("conversations", "pin", kept)

        def expired(*options: str) -> str:
            return server.flask("conversations", "expire", *options).stdout

        def said() -> list[str]:
            return [title for (title,) in server.rows(SAID)]

        assert expired() == "0\n"
        pass_days(server, 8)
        assert expired("--dry-run") == "1\n"
        assert said() == ["again", "kept", "once", "soon"]
        assert expired() == "1\n"
        opens.ask("more", conversationId=asked)
        pass_days(server, 23)
        assert expired() == "1\n"
        assert said() == ["again", "kept"]
        assert opens.said(asked)[0] == ("user", "again")
        pass_days(server, 61)
        server.stop()
        server.start()
        eventually(lambda: said() == ["kept"], 30)
        server.flask("conversations", "unpin", kept)
        assert expired() == "1\n"
        actors = [
            (action, actor[:9]) for action, actor in server.rows("SELECT action, actor FROM audit ORDER BY at, id")
        ]
        assert actors == [
            ("retention.erased", "retention"),
            ("conversation.unpinned", "command l"),
            ("retention.erased", "command l"),
        ], "what was done more than 60 days ago is forgotten"


def test_without_retention_nothing_goes(prepared) -> None:
    assert (prepared.flask("conversations", "expire").stdout, prepared.flask("conversations", "expire").stderr) == (
        "0\n",
        "",
    )
