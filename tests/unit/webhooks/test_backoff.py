"""How long a delivery that was not taken waits."""

import pytest

from app.webhooks.backoff import JITTER, MOST_ATTEMPTS, pause_after


def test_pauses_grow_to_an_hour_and_are_never_all_the_same() -> None:
    for attempt, seconds in [(1, 5), (2, 30), (3, 120), (4, 600), (5, 1800), (6, 3600), (50, 3600)]:
        found = {pause_after(attempt) for _ in range(20)}
        assert len(found) > 1
        assert all(seconds * (1 - JITTER) <= pause <= seconds * (1 + JITTER) for pause in found)


def test_it_is_given_up_after_three_days() -> None:
    whole = 0.0
    for attempt in range(1, MOST_ATTEMPTS):
        whole += pause_after(attempt) or 0
    assert 70 < whole / 3600 < 76
    assert pause_after(MOST_ATTEMPTS) is None


@pytest.mark.parametrize(
    ("attempt", "asked", "least", "most"),
    [
        (1, 600, 600, 720),
        (2, 30, 30, 36),
        (1, 86_400, 3600, 3600),
        (1, 3500, 3500, 3600),
        (4, 0, 480, 720),
        (4, 1, 480, 720),
    ],
)
def test_a_receiver_is_left_alone_as_long_as_it_asks_up_to_an_hour_and_never_shorter_than_it_would_be(
    attempt, asked, least, most
) -> None:
    found = [pause_after(attempt, asked) or 0 for _ in range(50)]
    assert least <= min(found) <= max(found) <= most
