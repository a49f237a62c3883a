"""Nobody reads or writes what is another's: a long random walk over all wires, credentials and operations.

PARLANCE_SEED repeats a walk that has found something.
"""

import os
import time
from collections.abc import Iterator

import pytest
from support.permission_owners import configuration, echo
from support.permission_requests import PLACES, all_calls
from support.permission_walk import Walk
from support.torture import scaled

from app.testing.model_server import ModelServer
from app.testing.server import Server

STEPS = scaled(400, 100_000)
SEED = int(os.environ.get("PARLANCE_SEED", "12"))
UNOWNED = ("name", "end user", "model")  # of which nobody has any alone


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as running:
        running.always = echo
        yield running


@pytest.fixture(scope="module")
def server(model, tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("permissions"), config=configuration(model)) as running:
        yield running


def test_nobody_reads_or_writes_what_is_anothers(server, model) -> None:
    walk = Walk(server, SEED)
    begun, number = time.monotonic(), 0
    try:
        for number in range(STEPS):
            walk.step(number)
            model.requests.clear()
    except AssertionError as error:
        raise AssertionError("\n".join([f"seed {SEED}: {error}", *walk.lately])) from error
    finally:
        seconds = time.monotonic() - begun
        walk.close()
    print(f"seed {SEED}: {number + 1} steps in {seconds:.0f} s; {dict(sorted(walk.counts.items()))}")  # noqa: T201 - what was run for how long
    assert walk.counts["own words read"] > STEPS / 10, "the walk reads too little to find anything"
    assert walk.counts["naming another's"] > STEPS / 5
    assert walk.counts["without a right"] > STEPS / 20
    if scaled(0, 1):
        for call in all_calls():
            assert walk.counts[f"went well: {call}"], f"nobody ever got {call} right"
            for place in call.places:
                owned = PLACES[call.wire.name, place] not in UNOWNED
                assert not owned or walk.counts[f"another's {place}: {call}"], f"{call}: never with another's {place}"
