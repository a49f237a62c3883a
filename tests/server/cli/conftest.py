"""Commands without a server: a configuration, a home folder, and what `flask` prints there."""

import pytest

from app.testing.server import Server


@pytest.fixture(scope="module")
def configured(tmp_path_factory):
    """Makes servers that are never started: a configuration, a home, and the commands for them."""
    made: list[Server] = []

    def configure(**options) -> Server:
        made.append(Server(tmp_path_factory.mktemp("cli"), **options))
        return made[-1]

    yield configure
    for server in made:
        server.__exit__()


@pytest.fixture
def fresh(configured):
    """One whose database was never prepared."""
    return configured()


@pytest.fixture(scope="module")
def prepared(configured):
    """One with a prepared database, which these tests share."""
    server = configured()
    server.flask("prepare")
    return server
