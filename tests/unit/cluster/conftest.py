"""A client of the tests' Redis, and the way that it goes."""

from collections.abc import Iterator

import pytest
from support.proxy import Proxy, proxy

from app.cluster.client import RedisClient


@pytest.fixture
def way(redis) -> Iterator[Proxy]:
    """To that Redis."""
    with proxy(redis.port) as laid:
        yield laid


@pytest.fixture
def client(way) -> Iterator[RedisClient]:
    """Goes that way."""
    made = RedisClient(f"redis://127.0.0.1:{way.port}/0", "a secret")
    yield made
    made.close()
