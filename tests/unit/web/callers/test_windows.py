"""Where rate limits are counted: moving windows, callers who have gone, and agreement with the library's own store."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits import RateLimitItem, RateLimitItemPerSecond, parse
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from app.web.callers.windows import FORGOTTEN_PER_REQUEST, STORAGE_URI, WindowStorage

LONG = parse("3/hour")


class Brief(RateLimitItemPerSecond):
    """So many in so many milliseconds, where the library's shortest window is a second."""

    def get_expiry(self) -> float:
        return self.multiples / 1000


class Clock:
    """Goes on when it is told to, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def windows(clock) -> WindowStorage:
    return WindowStorage(clock=clock)


@pytest.fixture
def limiter(windows) -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(windows)


def hits(limiter: MovingWindowRateLimiter, item: RateLimitItem, *callers: str) -> list[bool]:
    return [limiter.hit(item, caller) for caller in callers]


def test_a_reset_clears_every_budget_and_says_how_many(limiter, windows) -> None:
    hits(limiter, LONG, *"abcaaa")
    assert windows.reset() == 3
    assert windows.reset() == 0
    assert hits(limiter, LONG, *"aaaa") == [True, True, True, False]


def test_callers_who_have_gone_are_forgotten_as_others_come(limiter, windows, clock) -> None:
    item = Brief(3, 50)
    for number in range(400):
        limiter.hit(item, f"visitor {number}")
    clock.go_on(0.1)
    for _ in range(400 // FORGOTTEN_PER_REQUEST):
        limiter.hit(item, "regular")
    assert windows.reset() == 1


def test_however_many_come_only_those_of_a_window_are_known(limiter, windows, clock) -> None:
    item = Brief(3, 40)
    for number in range(40 * 50):
        limiter.hit(item, f"visitor {number}")
        if number % 50 == 49:
            clock.go_on(0.01)
    assert windows.reset() < 600, "of 2,000, those of the last 0.04 s, and less than as many again"


def test_callers_who_were_refused_are_forgotten_too(limiter, windows, clock) -> None:
    item = Brief(1, 50)
    for number in range(100):
        hits(limiter, item, *[f"visitor {number}"] * 3)
        limiter.hit(item, f"too costly {number}", cost=2)
    clock.go_on(0.1)
    hits(limiter, item, *["regular"] * 100)
    assert windows.reset() == 1


def test_nobody_whose_requests_count_is_forgotten(limiter) -> None:
    visitors = [f"visitor {number}" for number in range(300)]
    assert hits(limiter, LONG, *visitors * 3) == [True] * 900
    assert hits(limiter, LONG, *visitors) == [False] * 300


def test_a_long_window_does_not_keep_the_callers_of_a_short_one(limiter, windows, clock) -> None:
    limiter.hit(LONG, "one with a long window")
    item = Brief(3, 50)
    for number in range(400):
        limiter.hit(item, f"visitor {number}")
    clock.go_on(0.1)
    hits(limiter, item, *["regular"] * 400)
    assert windows.reset() < 100


def test_it_counts_moving_windows_and_no_fixed_ones(limiter, windows, clock) -> None:
    hits(limiter, LONG, *"aa")
    key = LONG.key_for("a")
    assert windows.get(key) == 2
    assert windows.get_expiry(key) == clock.now + 3600
    assert windows.get("nobody") == 0
    assert windows.get_expiry("nobody") == clock.now
    with pytest.raises(NotImplementedError):
        windows.incr("a", 1)


def test_a_clock_that_is_set_neither_frees_anybody_nor_locks_anybody_out(limiter, clock, monkeypatch) -> None:
    """The machine's clock is set back and forward by a day, and the one by which is counted goes on."""
    real, item = time.time, parse("2/minute")
    assert hits(limiter, item, *"aaa") == [True, True, False]
    for set_by in (-86_400, 86_400):
        monkeypatch.setattr(time, "time", lambda by=set_by: real() + by)
        assert hits(limiter, item, "a") == [False], "nothing is freed"
        assert limiter.get_window_stats(item, "a") == (clock.now + 60, 0)
    clock.go_on(60)
    assert hits(limiter, item, *"aaa") == [True, True, False], "nobody is locked out"


def test_what_the_server_counts_by_is_the_monotonic_clock() -> None:
    found = storage_from_string(STORAGE_URI)
    assert isinstance(found, WindowStorage)
    assert found.check()
    limiter, began = MovingWindowRateLimiter(found), time.monotonic()
    limiter.hit(LONG, "a")
    assert began + 3600 <= limiter.get_window_stats(LONG, "a").reset_time <= time.monotonic() + 3600


ITEMS = [Brief(1, 45), Brief(3, 45), Brief(2, 105), Brief(2, 5_000)]  # what no pauses make together
CALLERS = st.sampled_from("ab")
HITS = st.tuples(st.just("hit"), st.sampled_from(ITEMS), CALLERS, st.integers(1, 4))
LOOKS = st.tuples(st.just("look"), st.sampled_from(ITEMS), CALLERS, st.integers(1, 4))
CLEARS = st.tuples(st.just("clear"), st.sampled_from(ITEMS), CALLERS, st.just(0))
PAUSES = st.tuples(st.just("pause"), st.just(ITEMS[0]), CALLERS, st.sampled_from([1, 3, 5]))


def step(limiter: MovingWindowRateLimiter, what: str, item: RateLimitItem, caller: str, number: int) -> tuple:
    """What it answers. When a window ends is told only where something counts: of an empty one it means nothing."""
    if what == "clear":
        limiter.clear(item, caller)
        return ()
    if what == "hit":
        return (limiter.hit(item, caller, cost=number),)
    ends, remaining = limiter.get_window_stats(item, caller)
    return limiter.test(item, caller, cost=number), remaining, ends if remaining < item.amount else 0


LIBRARYS = MemoryStorage()  # one for all examples: each store starts threads of its own


@given(st.lists(st.one_of(HITS, HITS, HITS, LOOKS, CLEARS, PAUSES), max_size=30))
@settings(max_examples=150, deadline=None)
def test_it_answers_as_the_librarys_own_store_does(steps) -> None:
    """Both by one clock, which goes on in the pauses alone."""
    LIBRARYS.reset()
    clock = Clock()
    own, theirs = MovingWindowRateLimiter(WindowStorage(clock=clock)), MovingWindowRateLimiter(LIBRARYS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "time", clock)
        for what, item, caller, number in steps:
            if what == "pause":
                clock.go_on(number / 100)
            else:
                answers = [step(limiter, what, item, caller, number) for limiter in (own, theirs)]
                assert answers[0] == answers[1]
        LIBRARYS.timer.join()  # who forgets there is done before the clock is another
