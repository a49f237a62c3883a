"""How long a delivery that was not taken waits."""

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


def test_a_receiver_may_ask_for_more_up_to_an_hour_and_not_for_less() -> None:
    assert 480 <= (pause_after(1, 600) or 0) <= 720
    assert (pause_after(1, 86_400) or 0) <= 4320
    assert (pause_after(4, 0) or 0) >= 480
