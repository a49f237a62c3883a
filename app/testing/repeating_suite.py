"""What every wire promises to those who ask the same again with an Idempotency-Key, as tests to inherit."""

import json
import threading
import uuid
from typing import Any

import pytest
import requests

from app.testing.caller import Caller
from app.testing.server import eventually, new_session_id, script

REPLAYED = "Idempotency-Replayed"


class Repeated:
    """A question that is asked again and again, with the same key and in the same conversation."""

    def __init__(self, caller: Caller, question: str) -> None:
        self.caller, self.question = caller, question
        self.path, self.body = caller.path, caller.body(question)
        self.key = uuid.uuid4().hex

    def ask(self, key: str | None = None, **changes: Any) -> requests.Response:
        headers = {"Content-Type": "application/json", **self.caller.wire.headers(self.caller.key)}
        headers["Idempotency-Key"] = self.key if key is None else key
        data = json.dumps({**self.body, **changes})
        return requests.post(f"{self.caller.server.url}{self.path}", data=data, headers=headers, timeout=30)

    def times_asked(self) -> int:
        """How often a model was, for this question."""
        return len(
            self.caller.server.rows(
                "SELECT a.id FROM messages q JOIN messages a ON a.conversation_id = q.conversation_id "
                "WHERE q.role = 'user' AND json_extract(q.parts, '$[0].text') = ? AND a.role = 'assistant'",
                self.question,
            )
        )


class RepeatingSuite:
    """For WireSuite to inherit."""

    def test_the_same_again_after_the_end_gets_the_same_answer_and_is_not_asked_again(self, caller: Caller) -> None:
        repeated = Repeated(caller, script({"text": "so "}, {"text": new_session_id()}))
        first, again = repeated.ask(), repeated.ask()
        assert (first.status_code, again.status_code) == (caller.wire.status, caller.wire.status)
        one, other = caller.wire.decode(first.content), caller.wire.decode(again.content)
        assert (one.text, one.ended) == (other.text, other.ended)
        assert other.ended
        assert repeated.times_asked() == 1
        if caller.wire.streamed:
            assert (first.headers.get(REPLAYED), again.headers[REPLAYED]) == (None, "true")

    def test_the_same_again_meanwhile_joins(self, caller: Caller) -> None:
        repeated = Repeated(caller, script({"text": "so "}, {"pause": 0.5}, {"text": new_session_id()}))
        answers: list[str] = []
        asking = [
            threading.Thread(target=lambda: answers.append(caller.wire.decode(repeated.ask().content).text))
            for _ in range(2)
        ]
        asking[0].start()
        eventually(repeated.times_asked)
        asking[1].start()
        for each in asking:
            each.join()
        assert len(answers) == 2
        assert answers[0] == answers[1]
        assert repeated.times_asked() == 1

    def test_another_question_with_the_key_is_refused(self, caller: Caller) -> None:
        repeated = Repeated(caller, script({"text": new_session_id()}))
        repeated.ask()
        other = caller.body(script({"text": "y"}))
        other = {name: other[name] for name in other if name != "sessionId"}
        refused = repeated.ask(**other)
        assert refused.status_code == 422
        assert "Idempotency-Key" in refused.text

    def test_a_question_that_was_refused_leaves_its_key_free(self, caller: Caller) -> None:
        repeated = Repeated(caller, script({"refuse": "upstream_failed"}, {"text": new_session_id()}))
        assert [repeated.ask().status_code for _ in range(2)] == [502, 502]
        assert repeated.times_asked() >= 1

    @pytest.mark.parametrize("key", ["", '""', "x" * 256, "with blank", "a,b", '"open', "caf\u00e9"])
    def test_a_key_that_is_none_is_refused(self, caller: Caller, key: str) -> None:
        refused = Repeated(caller, script({"text": new_session_id()})).ask(key.encode("latin-1"))  # type: ignore[arg-type]
        caller.wire.check_error(refused, 400)

    @pytest.mark.parametrize("key", ['"with, comma, \\"quotes\\" and {}"', "~!{}", "{:x<255}"])
    def test_keys_may_be_quoted_or_bare(self, caller: Caller, key: str) -> None:
        asked = Repeated(caller, script({"text": "x"})).ask(key.format(uuid.uuid4().hex))
        assert asked.status_code == caller.wire.status
