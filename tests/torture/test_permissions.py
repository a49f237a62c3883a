"""Nobody reads or writes what is another's: long random walks over all wires, credentials and operations.

PARLANCE_TORTURE_SEED repeats those that have found something: each takes the seed and its own number.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.permission_owners import configuration, echo
from support.permission_replies import Sender
from support.permission_requests import PLACES, all_calls
from support.permission_walk import Walk
from support.torture import scaled, seed

from app.testing.model_server import ModelServer
from app.testing.server import Server

WALKS, STEPS = scaled(1, 4), scaled(400, 25_000)  # each on a server of its own
CROWD = 8  # who walk at once
SEED = seed()
UNOWNED = ("name", "end user", "model", "call")  # of which nobody has any alone


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer() as running:
        running.always = echo
        yield running


@pytest.fixture
def server(model, tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("permissions"), config=configuration(model)) as running:
        yield running


@pytest.fixture
def walk(server, request) -> Iterator[Walk]:
    walking = Walk(server, f"seed {SEED}, {request.node.name}")
    begun = time.monotonic()
    yield walking
    counted = dict(sorted(walking.counts.items()))
    print(f"{walking.seed}: {time.monotonic() - begun:.0f} s, {counted}")  # noqa: T201 - what was run for how long
    walking.close()


def take(walk: Walk, model: ModelServer, steps: range, *, alone: bool) -> None:
    sender = Sender(walk.server)
    try:
        for number in steps:
            walk.step(number, sender, alone=alone)
            model.requests.clear()
    except AssertionError as error:
        raise AssertionError("\n".join([f"{walk.seed}: {error}", *walk.lately])) from error
    finally:
        sender.close()


@pytest.mark.parametrize("_number", range(WALKS))
def test_nobody_reads_or_writes_what_is_anothers(walk, model, _number) -> None:
    take(walk, model, range(STEPS), alone=True)
    assert walk.counts["own words read"] > STEPS / 15, "the walk reads too little to find anything"
    assert walk.counts["naming another's"] > STEPS / 6
    assert walk.counts["without a right"] > STEPS / 20
    if scaled(0, 1):
        for call in all_calls():
            assert walk.counts[f"went well: {call}"], f"nobody ever got {call} right"
            for place in call.places:
                owned = PLACES[call.wire.name, place] not in UNOWNED
                assert not owned or walk.counts[f"another's {place}: {call}"], f"{call}: never with another's {place}"


def test_nobody_is_told_what_is_anothers_while_all_ask_at_once(walk, model) -> None:
    ranges = [range(first, STEPS, CROWD) for first in range(CROWD)]
    with ThreadPoolExecutor(CROWD) as pool:
        for done in [pool.submit(take, walk, model, steps, alone=False) for steps in ranges]:
            done.result()
    assert walk.counts["own words read"] > STEPS / 15
