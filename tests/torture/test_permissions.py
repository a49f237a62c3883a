"""Nobody reads or writes what is another's: long random walks over all wires, credentials and operations.

PARLANCE_TORTURE_SEED repeats those that have found something: each takes the seed and its own number.
"""

import time
from collections.abc import Iterator

import pytest
from support.permission_owners import configuration, echo
from support.permission_requests import PLACES, all_calls
from support.permission_walk import Walk
from support.torture import scaled, seed

from app.testing.model_server import ModelServer
from app.testing.server import Server

WALKS, STEPS = scaled(1, 4), scaled(400, 25_000)  # each on a server of its own
SEED = seed()
UNOWNED = ("name", "end user", "model")  # of which nobody has any alone


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as running:
        running.always = echo
        yield running


@pytest.fixture
def server(model, tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("permissions"), config=configuration(model)) as running:
        yield running


@pytest.mark.parametrize("number", range(WALKS))
def test_nobody_reads_or_writes_what_is_anothers(server, model, number) -> None:
    name = f"seed {SEED}, walk {number}"
    walk = Walk(server, name)
    begun, steps = time.monotonic(), 0
    try:
        for steps in range(STEPS):
            walk.step(steps)
            model.requests.clear()
    except AssertionError as error:
        raise AssertionError("\n".join([f"{name}: {error}", *walk.lately])) from error
    finally:
        seconds = time.monotonic() - begun
        walk.close()
    print(f"{name}: {steps + 1} steps in {seconds:.0f} s; {dict(sorted(walk.counts.items()))}")  # noqa: T201 - what was run for how long
    assert walk.counts["own words read"] > STEPS / 10, "the walk reads too little to find anything"
    assert walk.counts["naming another's"] > STEPS / 5
    assert walk.counts["without a right"] > STEPS / 20
    if scaled(0, 1):
        for call in all_calls():
            assert walk.counts[f"went well: {call}"], f"nobody ever got {call} right"
            for place in call.places:
                owned = PLACES[call.wire.name, place] not in UNOWNED
                assert not owned or walk.counts[f"another's {place}: {call}"], f"{call}: never with another's {place}"
