"""Answers whose caller comes to another worker than the one that makes them: what is promised is the same there.

The other worker is that of a second server, on the same database and home folder.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.two_servers import second_server
from support.wires import STREAMS, WHOLE

from app.testing.asked import SAID, WORDS, Asked, cursors, last, numbered, spoken, until
from app.testing.caller import Caller
from app.testing.guarantees import credits_of, payer_on
from app.testing.guarantees_suite import kill_worker
from app.testing.repeating_suite import REPLAYED, Repeated
from app.testing.server import Server, eventually, new_session_id, script
from app.testing.wire_client import BROKEN_OFF, STOPPED, WireClient

SAVED = "SELECT id FROM messages WHERE id = ? AND parts LIKE ?"


@pytest.fixture(scope="module")
def elsewhere(waiting_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with second_server(waiting_server, tmp_path_factory.mktemp("second")) as running:
        yield running


@pytest.fixture
def payer(wire: WireClient, waiting_server: Server) -> Iterator[Caller]:
    yield from payer_on(waiting_server, wire)


@pytest.fixture
def there(payer: Caller, elsewhere: Server) -> Caller:
    """The same caller at the other worker."""
    return Caller(payer.wire, elsewhere, payer.key)


def move(asked: Asked, caller: Caller) -> Asked:
    """The same answer, for who asks there from now on."""
    asked.caller = caller
    return asked


@pytest.mark.parametrize("wire", STREAMS, ids=repr)
class TestEveryStream:
    def test_an_answer_is_read_on_from_every_position_and_stopped(self, payer: Caller, there: Caller) -> None:
        with Asked(payer, script(*SAID, {"text": "so far"}, {"pause": 60})) as asked:
            begun = numbered(asked.begun())
            move(asked, there)
            told = cursors(begun)
            listeners = [asked.read_on(cursor, stream=True) for cursor in told]
            asked_at = time.monotonic()
            stopped = asked.stop()
            assert stopped.status_code == 200
            assert time.monotonic() - asked_at < 3
            assert asked.status() == "interrupted"
            assert STOPPED.encode() in last(numbered(asked.rest())), "the caller at the owner is told why"
            for cursor, listener in zip(told, listeners, strict=True):
                rest = numbered(listener.content)
                assert spoken([*until(begun, cursor), *rest]) == f"{WORDS}so far"
                assert BROKEN_OFF.encode() in last(rest)
            again = asked.stop()
            assert (again.status_code, again.content) == (stopped.status_code, stopped.content)
        assert credits_of(payer, asked.text) == 1
        assert there.ask(script({"text": "next"})).status_code == payer.wire.status

    def test_who_listens_hears_what_is_saved_and_then_the_end_as_its_caller_does(
        self, payer: Caller, there: Caller
    ) -> None:
        question = script(*SAID, {"text": "so far"}, {"pause": 6.5}, {"text": " and"}, {"text": " further"})
        with Asked(payer, question) as asked:
            begun = numbered(asked.begun())
            move(asked, there)
            with ThreadPoolExecutor() as pool:
                told = [pool.submit(lambda at=each: numbered(asked.read_on(at).content)) for each in cursors(begun)]
                eventually(lambda: payer.server.rows(SAVED, asked.answer_id, "%so far%"), 8)
                whole = numbered(asked.rest())
            for cursor, each in zip(cursors(begun), told, strict=True):
                rest = each.result()
                assert spoken([*until(whole, cursor), *rest]) == spoken(whole) == f"{WORDS}so far and further"
                assert last(rest) == last(whole)
                assert cursors(rest)[-1:] in (cursors(whole)[-1:], [])
        assert credits_of(payer, question) == 1

    def test_who_listens_hears_it_go_on_from_second_to_second(self, payer: Caller, there: Caller) -> None:
        question = script(
            {"text": "so far"}, {"pause": 1.5}, {"text": " and"}, {"pause": 1.2}, {"text": " on"}, {"pause": 60}
        )
        with Asked(payer, question) as asked:
            begun = time.monotonic()
            with move(asked, there).read_on(f"{asked.answer_id}.0", stream=True) as listener:
                heard = b""
                for piece in listener.iter_content(None):
                    heard += piece
                    if b" on" in heard:
                        break
            assert time.monotonic() - begun < 6, "one checkpoint and the next are ten seconds apart at most"
            assert b" and" in heard
            asked.stop()

    def test_the_answer_goes_on_while_somebody_listens_elsewhere(self, payer: Caller, there: Caller) -> None:
        with Asked(payer, script({"text": "so far"}, {"pause": 4}, {"text": " and further"})) as asked:
            move(asked, there)
            listener = asked.read_on(f"{asked.answer_id}.0", stream=True)
            time.sleep(1.3)
            asked.leave()  # and is waited for 1.5 s
            assert spoken(numbered(listener.content)) == "so far and further"
            assert asked.status() == "complete"

    def test_the_same_again_elsewhere_joins(self, payer: Caller, there: Caller) -> None:
        _same_again_joins(payer, there)

    def test_a_position_that_is_not_reached_yet_ends_where_the_answer_does(self, payer: Caller, there: Caller) -> None:
        with Asked(payer, script({"text": "so far"}, {"pause": 0.3}, {"text": " and further"})) as asked:
            listener = move(asked, there).read_on(f"{asked.answer_id}.9999999999", stream=True)
            told, whole = numbered(listener.content), numbered(asked.rest())
            assert spoken(told) == ""
            assert [cursor for cursor, _ in told if cursor][-1] == [cursor for cursor, _ in whole if cursor][-1]

    def test_nobody_else_reads_an_answer_on_or_stops_it(self, payer: Caller, there: Caller) -> None:
        wire = payer.wire
        with Asked(payer, script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()})) as asked:
            move(asked, Caller(wire, there.server, payer.server.key(wire.key_kind)))
            for refused in (asked.read_on(f"{asked.answer_id}.0"), asked.stop()):
                assert refused.status_code == wire.foreign_status
            assert move(asked, there).status() == "", "it runs still"
            assert asked.stop().status_code == 200

    def test_when_the_owner_is_killed_listeners_elsewhere_are_told(self, payer: Caller, there: Caller) -> None:
        with Asked(payer, script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()})) as asked:
            listener = move(asked, there).read_on(f"{asked.answer_id}.0", stream=True)
            eventually(lambda: payer.server.rows(SAVED, asked.answer_id, "%so far%"), 8)
            kill_worker(payer.server)
            told = numbered(listener.content)
            assert spoken(told) == "so far"
            assert BROKEN_OFF.encode() in last(told)
            assert asked.stop().status_code == 200
            assert asked.status() == "interrupted"
        assert credits_of(payer, asked.text) == 1


@pytest.mark.parametrize("wire", WHOLE, ids=repr)
class TestEveryWhole:
    def test_the_same_again_elsewhere_joins(self, payer: Caller, there: Caller) -> None:
        _same_again_joins(payer, there)


def _same_again_joins(here: Caller, there: Caller) -> None:
    repeated = Repeated(here, script({"text": "so "}, {"pause": 2}, {"text": new_session_id()}))
    elsewhere = Repeated(there, repeated.question)
    elsewhere.key, elsewhere.path, elsewhere.body = repeated.key, repeated.path, repeated.body
    with ThreadPoolExecutor() as pool:
        first = pool.submit(repeated.ask)
        eventually(repeated.times_asked)
        joined = elsewhere.ask()
    one, other = here.wire.decode(first.result().content), here.wire.decode(joined.content)
    assert (one.text, one.ended, one.error) == (other.text, other.ended, other.error)
    if here.wire.streamed:
        assert joined.headers[REPLAYED] == "true"
    assert (repeated.times_asked(), credits_of(here, repeated.question)) == (1, 1)
