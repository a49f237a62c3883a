"""What every wire promises to those who ask the same again with an Idempotency-Key, as tests to inherit."""

import json
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, repeat

import pytest
import requests

from app.testing.caller import Caller
from app.testing.guarantees import credits_of, guarantee
from app.testing.server import eventually, new_session_id, script
from app.testing.sockets import post

REPLAYED = "Idempotency-Replayed"


class Repeated:
    """A question that is asked again and again, with the same key and in the same conversation: the first time at the
    caller's server, and then where it comes back."""

    def __init__(self, caller: Caller, question: str) -> None:
        self.caller, self.question = caller, question
        self._servers = chain([caller.server], repeat(caller.there))
        self.path, self.body = caller.path, caller.body(question)
        self.key = uuid.uuid4().hex

    def ask(self, key: str | None = None) -> requests.Response:
        headers = {"Content-Type": "application/json", **self.caller.wire.headers(self.caller.key)}
        headers["Idempotency-Key"] = self.key if key is None else key
        data = json.dumps(self.body)
        return requests.post(f"{next(self._servers).url}{self.path}", data=data, headers=headers, timeout=30)

    def open(self, request_id: str | None = None) -> socket.socket:
        """Send it, once more; the response is still to be read."""
        headers = {**self.caller.wire.headers(self.caller.key), "Idempotency-Key": self.key, "Connection": "close"}
        headers |= {"x-request-id": request_id} if request_id else {}
        return post(next(self._servers), self.path, json.dumps(self.body).encode(), headers)

    def times_asked(self) -> int:
        """How often a model was, for this question."""
        return len(
            self.caller.server.rows(
                "SELECT DISTINCT a.id FROM messages q JOIN messages a ON a.conversation_id = q.conversation_id "
                "WHERE q.role = 'user' AND q.parts -> 0 ->> 'text' = ? AND a.role = 'assistant'",
                self.question,
            )
        )

    def times_stored(self) -> int:
        """How often the question stands in conversations, for those who read them."""
        asked = "role = 'user' AND status != 'superseded' AND parts -> 0 ->> 'text' = ?"
        return len(self.caller.server.rows(f"SELECT id FROM messages WHERE {asked}", self.question))


class RepeatingSuite:
    """For WireSuite to inherit."""

    @guarantee("repeat after its end")
    def test_the_same_again_after_the_end_gets_the_same_answer_and_is_not_asked_again(self, payer: Caller) -> None:
        repeated = Repeated(payer, script({"text": "so "}, {"text": new_session_id()}))
        first, again = repeated.ask(), repeated.ask()
        assert (first.status_code, again.status_code) == (payer.wire.status, payer.wire.status)
        one, other = payer.wire.decode(first.content), payer.wire.decode(again.content)
        assert (one.text, one.ended) == (other.text, other.ended)
        assert other.ended
        assert (repeated.times_asked(), credits_of(payer, repeated.question)) == (1, 1)
        assert (first.headers.get(REPLAYED), again.headers[REPLAYED]) == (None, "true")

    @guarantee("repeat while it runs")
    def test_the_same_again_meanwhile_joins(self, payer: Caller) -> None:
        repeated = Repeated(payer, script({"text": "so "}, {"pause": 0.5}, {"text": new_session_id()}))
        answers: list[str] = []
        asking = [
            threading.Thread(target=lambda: answers.append(payer.wire.decode(repeated.ask().content).text))
            for _ in range(2)
        ]
        asking[0].start()
        eventually(repeated.times_asked)
        asking[1].start()
        for each in asking:
            each.join()
        assert len(answers) == 2
        assert answers[0] == answers[1]
        assert (repeated.times_asked(), credits_of(payer, repeated.question)) == (1, 1)

    def test_one_who_joins_and_leaves_ends_nothing_and_is_no_mistake(self, payer: Caller) -> None:
        own_id = new_session_id()
        repeated = Repeated(payer, script({"text": "so far "}, {"pause": 1}, {"text": own_id}))
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(repeated.ask)
            eventually(repeated.times_asked)
            joining = repeated.open(own_id)
            time.sleep(0.3)
            joining.close()
            assert payer.wire.decode(asked.result().content).text == f"so far {own_id}"
        (line,) = eventually(lambda: [each for each in payer.there.log("request") if each["request_id"] == own_id])
        assert line["status"] == (payer.wire.status if payer.wire.streamed else 499)
        assert repeated.times_asked() == 1

    @guarantee("repeat while it runs")
    def test_the_same_twice_at_once_is_asked_once(self, payer: Caller) -> None:
        for _ in range(3):
            anew = replace(payer)  # in a conversation of its own
            repeated = Repeated(anew, script({"text": "so "}, {"pause": 0.1}, {"text": new_session_id()}))
            with ThreadPoolExecutor(4) as pool:
                asked = [pool.submit(repeated.ask) for _ in range(4)]
            answers = [payer.wire.decode(each.result().content) for each in asked]
            assert len({each.text for each in answers}) == 1
            assert [each.error for each in answers] == [None] * 4
            assert (repeated.times_asked(), credits_of(payer, repeated.question)) == (1, 1)

    @guarantee("repeat with another body")
    def test_another_question_with_the_key_is_refused(self, payer: Caller) -> None:
        repeated = Repeated(payer, script({"text": new_session_id()}))
        repeated.ask()
        asked, other = (json.dumps(each)[1:-1] for each in (repeated.question, script({"text": "y"})))
        repeated.body = json.loads(json.dumps(repeated.body).replace(asked, other))
        refused = repeated.ask()
        assert refused.status_code == 422
        assert "Idempotency-Key" in refused.text

    @guarantee("repeat after a refusal")
    def test_a_question_that_was_refused_leaves_its_key_free_and_is_stored_once(self, payer: Caller) -> None:
        repeated = Repeated(payer, script({"refuse": "upstream_failed"}, {"text": new_session_id()}))
        assert [repeated.ask().status_code for _ in range(2)] == [502, 502]
        assert (repeated.times_asked(), repeated.times_stored()) == (2, 1)

    @guarantee("repeat after a failure with words")
    def test_an_answer_that_failed_after_its_first_word_is_not_asked_for_again(self, payer: Caller) -> None:
        repeated = Repeated(payer, script({"text": "so far"}, {"fail": "upstream_failed"}, {"text": new_session_id()}))
        first, again = repeated.ask(), repeated.ask()
        if payer.wire.streamed:
            replies = [payer.wire.decode(each.content) for each in (first, again)]
            assert [(each.text, each.ended, bool(each.error)) for each in replies] == [("so far", True, True)] * 2
        else:
            assert [first.status_code, again.status_code] == [502, 502]
        assert (repeated.times_asked(), credits_of(payer, repeated.question)) == (1, 1)

    @guarantee("repeat after its end")
    def test_an_answer_that_has_made_room_for_another_is_still_its_keys(self, payer: Caller) -> None:
        repeated = Repeated(payer, script({"text": "so far"}, {"fail": "upstream_failed"}, {"text": new_session_id()}))
        first, _anew = repeated.ask(), repeated.ask(uuid.uuid4().hex)
        stored = repeated.times_stored()
        again = repeated.ask()
        assert again.status_code == first.status_code
        if payer.wire.streamed:
            replies = [payer.wire.decode(each.content) for each in (first, again)]
            assert [(each.text, each.ended, bool(each.error)) for each in replies] == [("so far", True, True)] * 2
        assert (repeated.times_asked(), repeated.times_stored()) == (2, stored)

    @guarantee("another's answer")
    def test_another_who_has_the_key_gets_no_answer_that_is_not_their_own(self, payer: Caller) -> None:
        repeated = Repeated(payer, script({"text": "so far"}, {"text": new_session_id()}))
        repeated.ask()
        repeated.caller = replace(payer, key=payer.server.key(payer.wire.key_kind))
        foreign = repeated.ask()
        assert REPLAYED not in foreign.headers
        assert foreign.status_code == 403 if payer.wire.foreign_status == 403 else repeated.times_asked() == 2

    @pytest.mark.parametrize("key", ["", '""', "x" * 256, "with blank", "a,b", '"open', "caf\u00e9"])
    def test_a_key_that_is_none_is_refused(self, payer: Caller, key: str) -> None:
        refused = Repeated(payer, script({"text": new_session_id()})).ask(key.encode("latin-1"))  # type: ignore[arg-type]
        payer.wire.check_error(refused, 400)

    @pytest.mark.parametrize("key", ['"with, comma, \\"quotes\\" and {}"', "~!{}", "{:x<255}"])
    def test_keys_may_be_quoted_or_bare(self, payer: Caller, key: str) -> None:
        asked = Repeated(payer, script({"text": "x"})).ask(key.format(uuid.uuid4().hex))
        assert asked.status_code == payer.wire.status
