"""What is noted of one request to a model's server."""

import time

from app.engine.exchange import Exchange, TraceContext


def test_each_phase_has_its_time_and_one_that_comes_twice_the_sum() -> None:
    exchange = Exchange("r1")
    for phase in ("name", "connect", "head", "connect", "head"):
        exchange.enter(phase)
        time.sleep(0.01)
    assert list(exchange.phases) == ["name_seconds", "connect_seconds", "head_seconds"], "the last has not ended"
    assert exchange.phases["connect_seconds"] >= 0.02
    fields = exchange.fields()
    assert (fields["request_id"], fields["phase"]) == ("r1", "head")
    assert fields["head_seconds"] >= 0.02, "with the one that has not ended"
    assert "server_request_id" not in fields


def test_before_the_first_phase_there_is_nothing_to_tell() -> None:
    assert Exchange().fields() == {}


def test_another_try_has_the_same_ids_and_notes_of_its_own() -> None:
    trace = TraceContext("00-…", "a=b")
    exchange = Exchange("r1", trace)
    exchange.enter("name")
    exchange.server_request_id = "s1"
    again = exchange.another()
    assert (again.request_id, again.trace) == ("r1", trace)
    assert (again.server_request_id, again.fields()) == ("", {"request_id": "r1"})
