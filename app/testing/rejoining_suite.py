"""What every wire that streams promises to those who come back to an answer, or end it, as tests to inherit."""

import time
from dataclasses import replace
from functools import partial

import pytest
import requests

from app.testing.asked import END, SAID, WORDS, Asked, Frames, cursors, last, numbered, plain, spoken, until
from app.testing.caller import Caller
from app.testing.guarantees import credits_of, guarantee
from app.testing.server import eventually, new_session_id, script
from app.testing.wire_client import BROKEN_OFF, STOPPED

MOST_LISTENERS = 20


class RejoiningSuite:
    """For StreamGuaranteesSuite to inherit."""

    def test_ids_are_for_those_who_ask_and_change_nothing_else(self, payer: Caller) -> None:
        with Asked(payer, script(*SAID)) as asked:
            frames = numbered(asked.rest())
        reply = payer.wire.decode(plain(frames))
        assert (reply.text, reply.ended, reply.error) == (WORDS, True, None)
        assert {each.partition(".")[0] for each in cursors(frames)} == {asked.answer_id}
        with Asked(payer, script(*SAID), ids=False) as other:
            assert payer.wire.decode(other.rest()).text == WORDS

    @guarantee("read on one that has ended, from every position")
    def test_an_answer_that_has_ended_is_read_on_from_every_position(self, payer: Caller) -> None:
        with Asked(payer, script(*SAID)) as asked:
            frames = numbered(asked.rest())
        for cursor in cursors(frames):
            again = asked.read_on(cursor)
            assert again.status_code == 200
            rest = numbered(again.content)
            assert spoken([*until(frames, cursor), *rest]) == WORDS
            assert rest[-1][1] == frames[-1][1]

    @guarantee("read on a running answer, from every position")
    def test_an_answer_that_runs_is_read_on_from_every_position(self, payer: Caller) -> None:
        with Asked(payer, script(*SAID, {"text": "so far"}, {"pause": 60})) as asked:
            frames = numbered(asked.begun())
            told = cursors(frames)[:MOST_LISTENERS]
            listeners = [asked.read_on(cursor, stream=True) for cursor in told]
            assert asked.stop().status_code == 200
            ends = [last(numbered(asked.rest()))]
            for cursor, listener in zip(told, listeners, strict=True):
                rest = numbered(listener.content)
                assert spoken([*until(frames, cursor), *rest]) == f"{WORDS}so far"
                ends.append(last(rest))
            assert set(ends) == {last(rest)}
            assert STOPPED.encode() in last(rest)

    def test_without_a_position_all_of_a_running_answer_is_told(self, payer: Caller) -> None:
        if payer.wire.finds_by_position:
            path, headers = payer.wire.path, payer.wire.headers(payer.key)
            assert requests.get(f"{payer.server.url}{path}", headers=headers, timeout=30).status_code == 400
            return
        with Asked(payer, script({"text": "so far"}, {"pause": 60})) as asked:
            follower = asked.read_on(stream=True)
            asked.stop()
            reply = payer.wire.decode(follower.content)
            assert (reply.text, reply.ended, reply.error) == ("so far", True, STOPPED)
            assert asked.read_on().status_code == (200 if payer.wire.tells_again else 204)

    @guarantee("leave, with ids or a key: come back")
    def test_who_has_asked_for_ids_may_leave_and_come_back(self, payer: Caller) -> None:
        with Asked(payer, script({"text": "so far"}, {"pause": 0.5}, {"text": " and "}, {"text": "further"})) as asked:
            asked.leave()
            begun = numbered(asked.begun())
            again = asked.read_on(cursors(begun)[-1])
            assert spoken([*begun, *numbered(again.content)]) == "so far and further"
            assert asked.status() == "complete"

    @guarantee("leave: stops")
    def test_who_has_not_asked_for_ids_ends_the_answer_by_leaving(self, payer: Caller) -> None:
        with Asked(payer, script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()}), ids=False) as asked:
            asked.leave()
            assert eventually(asked.status) == "interrupted"

    def test_the_answer_goes_on_as_long_as_somebody_listens(self, payer: Caller) -> None:
        with Asked(payer, script({"text": "so far"}, {"pause": 0.6}, {"text": " and further"}), ids=False) as asked:
            listener = asked.read_on(f"{asked.answer_id}.0", stream=True)
            asked.leave()
            assert spoken(numbered(listener.content)) == "so far and further"
            assert asked.status() == "complete"

    @guarantee("stop")
    def test_stopping_ends_it_for_everybody_and_is_harmless_again(self, payer: Caller) -> None:
        with Asked(payer, script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()})) as asked:
            first, again = asked.stop(), asked.stop()
            assert (first.status_code, first.content) == (again.status_code, again.content)
            assert first.status_code == 200
            assert asked.status() == "interrupted"
            reply = payer.wire.decode(plain(numbered(asked.rest())))
            assert (reply.text, reply.ended, reply.error) == ("so far", True, STOPPED)
            assert payer.ask(script({"text": "next"})).status_code == 200

    @guarantee("read on twice at once")
    def test_several_may_read_on_from_one_position_at_once(self, payer: Caller) -> None:
        with Asked(payer, script(*SAID, {"text": "so far"}, {"pause": 0.5}, {"text": " and further"})) as asked:
            begun = numbered(asked.begun())
            listeners = [asked.read_on(cursors(begun)[3], stream=True) for _ in range(2)]
            told = [numbered(each.content) for each in listeners]
            first = numbered(asked.rest())
        for each in told:
            assert spoken([*until(begun, cursors(begun)[3]), *each]) == spoken(first) == f"{WORDS}so far and further"
            assert last(each) == last(first)
        assert credits_of(payer, asked.text) == 1

    @guarantee("read on an interrupted answer")
    def test_an_interrupted_answer_is_read_on_from_every_position(self, payer: Caller) -> None:
        with Asked(payer, script(*SAID, {"text": "so far"}, {"pause": 60})) as asked:
            asked.stop()
            frames = numbered(asked.rest())
            _read_on_from_everywhere(asked, frames, f"{WORDS}so far")
        assert credits_of(payer, asked.text) == 1

    @guarantee("read on a failed answer")
    def test_a_failed_answer_is_read_on_from_every_position(self, payer: Caller) -> None:
        with Asked(payer, script(*SAID, {"text": "so far"}, {"pause": 0.3}, {"fail": "upstream_failed"})) as asked:
            listener = asked.read_on(f"{asked.answer_id}.0", stream=True)
            frames = numbered(asked.rest())
            assert last(numbered(listener.content)) == last(frames)
            assert asked.status() == "failed"
            _read_on_from_everywhere(asked, frames, f"{WORDS}so far")
        assert credits_of(payer, asked.text) == 1

    @guarantee("stop by another request of the owner")
    def test_any_request_of_the_owner_ends_it(self, payer: Caller) -> None:
        with Asked(payer, script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()}), ids=False) as asked:
            listener = asked.read_on(f"{asked.answer_id}.0", stream=True)
            asked.leave()
            assert (asked.stop().status_code, asked.status()) == (200, "interrupted")
            told = numbered(listener.content)
            assert (spoken(told), STOPPED.encode() in last(told)) == ("so far", True)
        assert credits_of(payer, asked.text) == 1

    @guarantee("stop before the first token")
    def test_an_answer_is_stopped_before_its_first_word(self, payer: Caller) -> None:
        with Asked(payer, script({"pause": 60}, {"text": new_session_id()}), begins_with=b"\r\n\r\n") as asked:
            eventually(asked.is_known)
            assert (asked.stop().status_code, asked.status()) == (200, "interrupted")
            assert STOPPED.encode() in last(numbered(asked.rest()))
            assert payer.stored(asked.text)[-1]["parts"] == []
        assert credits_of(payer, asked.text) == 1, "a model had accepted it"
        assert payer.ask(script({"text": "next"})).status_code == 200

    @guarantee("another's answer")
    def test_nobody_else_reads_an_answer_on_or_stops_it(self, payer: Caller) -> None:
        wire, server = payer.wire, payer.server
        stranger = partial(replace, payer)
        with Asked(payer, script({"text": "so far"}, {"pause": 60}, {"text": new_session_id()})) as asked:
            own, asked.caller = asked.caller, stranger(key=server.key(wire.key_kind))
            cursor = f"{asked.answer_id}.0"
            for refused in (asked.read_on(cursor), asked.stop()):
                assert refused.status_code == wire.foreign_status
            asked.caller = own
            assert asked.status() == "", "it runs still"
            assert asked.stop().status_code == 200
            asked.caller = stranger(key=server.key(wire.key_kind))
            assert asked.read_on(cursor).status_code == wire.foreign_status

    def test_stopping_what_has_ended_says_how_it_stands(self, payer: Caller) -> None:
        with Asked(payer, script({"text": "so far"})) as asked:
            asked.rest()
            assert asked.stop().status_code == 200
            assert asked.status() == "complete"

    @pytest.mark.parametrize(
        ("cursor", "status"),
        [("x", 400), ("0.0", 400), (f"{'0' * 32}.-1", 400), (f"{'0' * 32}.{'9' * 11}", 400), (f"{'0' * 32}.0", 404)],
    )
    def test_a_cursor_that_is_none_or_of_another_answer_is_refused(
        self, payer: Caller, cursor: str, status: int
    ) -> None:
        with Asked(payer, script({"text": "so far"})) as asked:
            asked.rest()
            refused = asked.read_on(cursor)
            assert refused.status_code == status
            assert refused.headers["Content-Type"] == "application/json"

    def test_behind_the_end_there_is_the_end_alone(self, payer: Caller) -> None:
        with Asked(payer, script({"text": "so far"})) as asked:
            whole = numbered(asked.rest())
            again = numbered(asked.read_on(f"{asked.answer_id}.9999999999").content)
            assert spoken(again) == ""
            assert again[-1][1] == whole[-1][1]

    def test_behind_the_last_event_there_is_nothing(self, payer: Caller) -> None:
        for cue in ({"text": "."}, {"fail": "upstream_failed"}):
            with Asked(payer, script({"text": "so far"}, cue)) as asked:
                end = [cursor for cursor, _ in numbered(asked.rest()) if cursor][-1]
                assert end.endswith(END)
                for again in (asked.read_on(end), asked.read_on(also=f"cursor={end}")):
                    assert (again.status_code, again.content) == (204, b"")

    def test_an_event_source_gets_ids_unasked_and_asks_with_the_last_one(self, payer: Caller) -> None:
        with Asked(payer, script({"text": "so far"}, {"pause": 0.3}, {"text": " and further"})) as asked:
            address = f"cursor={asked.answer_id}.0"
            whole = numbered(asked.read_on(also=address).content)
            assert spoken(whole) == "so far and further"
            for sent in (cursors(whole)[-1], f", {cursors(whole)[-1]}", f"{asked.answer_id}.0, {cursors(whole)[-1]}"):
                rest = numbered(asked.read_on(sent, also=address).content)
                assert (spoken(rest), last(rest)) == ("", last(whole)), "the header goes before the address"

    def test_a_position_that_is_not_reached_yet_counts_as_where_the_answer_is(self, payer: Caller) -> None:
        with Asked(payer, script({"text": "so far"}, {"pause": 0.3}, {"text": " and further"})) as asked:
            listener = asked.read_on(f"{asked.answer_id}.9999999999", stream=True)
            told, whole = numbered(listener.content), numbered(asked.rest())
            assert (spoken(told), spoken(whole)) == (" and further", "so far and further")
            assert cursors(told)[-1] == cursors(whole)[-1]

    def test_who_comes_as_an_answer_ends_hears_its_end(self, payer: Caller) -> None:
        for wait in range(8):
            with Asked(payer, script({"text": "so far"}, {"pause": 0.05}, {"text": "."})) as asked:
                time.sleep(0.04 + wait / 300)
                told = numbered(asked.read_on(f"{asked.answer_id}.0").content)
                assert (spoken(told), last(told)) == ("so far.", last(numbered(asked.rest())))

    def test_more_listeners_than_it_may_have_are_refused(self, payer: Caller) -> None:
        with Asked(payer, script({"text": "so far"}, {"pause": 60})) as asked:
            cursor = f"{asked.answer_id}.0"
            listeners = [asked.read_on(cursor, stream=True) for _ in range(MOST_LISTENERS)]
            assert asked.read_on(cursor).status_code == 429
            listeners.pop().close()
            eventually(lambda: _and_close(asked.read_on(cursor, stream=True)) == 200)
            asked.stop()
            for each in listeners:
                assert STOPPED.encode() in each.content


def _and_close(response: requests.Response) -> int:
    response.close()
    return response.status_code


def _read_on_from_everywhere(asked: Asked, frames: Frames, words: str) -> None:
    """An answer that was broken off, with the frames that its caller has heard."""
    for cursor in cursors(frames):
        rest = numbered(asked.read_on(cursor).content)
        assert spoken([*until(frames, cursor), *rest]) == words
        assert BROKEN_OFF.encode() in last(rest)
