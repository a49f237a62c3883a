"""Ctrl-C ends what is read, also where its exception is lost on the way."""

import signal
import threading
from contextlib import suppress

import pytest

from app.knowledge.pages.interruption import interruptible


def interrupt_and_lose_it() -> None:
    with suppress(KeyboardInterrupt):  # as Python itself does in a destructor
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_was_lost_is_raised_at_the_next_look() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as check:
        check()
        interrupt_and_lose_it()
        with pytest.raises(KeyboardInterrupt):
            check()
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_is_raised_at_once_as_ever() -> None:
    with interruptible(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_who_ignores_interrupts_is_not_interrupted() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible() as check:
            signal.raise_signal(signal.SIGINT)
            check()
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_have_no_signals() -> None:
    done = []

    def read() -> None:
        with interruptible() as check:
            check()
            done.append(True)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert done == [True]
