"""A test that waits for what never comes fails, and says where it stood: a run that hangs says nothing.

Each phase of each try has its own time. (pytest-timeout 2.4.0 leaves off its watch with the first failure, and so the
second try of a test may hang for ever.)
"""

import faulthandler
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, TextIO

import pytest

SECONDS = float(os.environ.get("PARLANCE_TEST_SECONDS", "300"))
"""For one phase of one test. The longest takes a third of it on two busy cores."""
LONGER = 60.0
"""After so many more the process ends: it stood where no signal reaches Python's code."""

UNBOUNDED = "PARLANCE_TORTURE" in os.environ  # there one test takes as long as its faults at full size do

UNCAPTURED = pytest.StashKey[TextIO]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[UNCAPTURED] = os.fdopen(os.dup(2), "w")  # nothing is captured yet


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[UNCAPTURED].close()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    with _bounded("setting up", item.config.stash[UNCAPTURED]):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    with _bounded("the test", item.config.stash[UNCAPTURED]):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    with _bounded("tearing down", item.config.stash[UNCAPTURED]):
        return (yield)


@contextmanager
def _bounded(phase: str, uncaptured: TextIO) -> Iterator[None]:
    def fail(_number: int, _frame: FrameType | None) -> NoReturn:
        faulthandler.dump_traceback(sys.__stderr__)  # which is told with the failure
        pytest.fail(f"{phase} hung: {SECONDS:g} seconds were over")

    if UNBOUNDED:
        yield
        return
    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    faulthandler.dump_traceback_later(SECONDS + LONGER, exit=True, file=uncaptured)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)
