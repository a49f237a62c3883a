"""Two hosts for all tests of a process, and what has to hold when whatever a test did to them is over."""

from collections.abc import Iterator

import pytest
from support.hosts import Hosts, two_hosts
from torture.checker import faults
from torture.workload import Ledger

from app.testing.server import eventually


@pytest.fixture(scope="session")
def running_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with two_hosts(tmp_path_factory.mktemp("hosts")) as made:
        yield made


@pytest.fixture
def hosts(running_hosts: Hosts) -> Iterator[Hosts]:
    """As if nothing had been done to them. Afterwards nothing runs, nothing is held, and nothing is there twice."""
    running_hosts.mend()
    yield running_hosts
    running_hosts.mend()
    eventually(lambda: not faults(running_hosts.a.server, Ledger()), 20)
