"""The servers that clients of vendors' APIs ask."""

from collections.abc import Iterator

import pytest
from support.vendors import Vendors
from support.vendors import vendors as started


@pytest.fixture(scope="session")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendors]:
    with started(tmp_path_factory.mktemp("vendors")) as running:
        yield running
