"""Two servers of one database and one home folder: two workers, as far as answers go."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.testing.server import BIN, ROOT, Server

_COMMAND = (BIN / "gunicorn", "-c", str(ROOT / "tests" / "support" / "second_server.conf.py"), "--keep-alive", "2")


@contextmanager
def second_server(first: Server, home: Path) -> Iterator[Server]:
    """Of the first one's database, with its configuration, on a port of its own; `home` is for its log."""
    shared = {
        name: first.env[name]
        for name in ("PARLANCE_HOME", "PARLANCE_CONFIG", "DATABASE_URL", "REDIS_URL")
        if name in first.env
    }
    second = Server(home, config=(first.home / "parlance.toml").read_text(), env=shared, wsgi=first.wsgi)
    second.command, second.database = _COMMAND, first.database
    with second:
        yield second
