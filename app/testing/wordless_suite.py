"""What every wire makes of answers without a word, as tests that the wires' suites inherit."""

import pytest

from app.testing.caller import Caller
from app.testing.server import script
from app.testing.wire_client import ERROR_MESSAGES, FILTERED

WORDLESS = {
    "nothing": [{"finish": "stop"}],
    "nothing, and no more tokens": [{"finish": "length"}],
    "blanks": [{"text": "\n"}, {"text": " \u200b"}],
}


class WordlessSuite:
    """What holds for every wire, whether it streams or not."""

    @pytest.mark.parametrize("name", WORDLESS)
    def test_an_answer_without_a_word_is_a_failure_that_costs_nothing(self, caller: Caller, name: str) -> None:
        question = script(*WORDLESS[name])
        caller.wire.check_error(caller.ask(question), 502)
        last = caller.stored(question)[-1]
        assert (last["status"], last["parts"], last["finish_reason"]) == ("failed", [], "error")
        assert not last["credits"]


class StreamWordlessSuite:
    """What holds for every wire that streams, besides."""

    @pytest.mark.parametrize("first", [[{"pause": 0.5}, {"text": "\n"}], [{"reasoning": "Let me think"}]])
    def test_an_answer_that_has_begun_and_ends_without_a_word_is_a_failure(
        self, caller: Caller, first: list[dict[str, str]]
    ) -> None:
        question = script(*first, {"finish": "length"})
        response = caller.ask(question)
        assert response.status_code == 200
        reply = caller.wire.decode(response.content)
        assert (reply.text, reply.ended, reply.error) == ("", True, ERROR_MESSAGES[502])
        last = caller.stored(question)[-1]
        assert (last["status"], last["text"], last["credits"]) == ("failed", "", 0)

    def test_what_a_content_filter_has_taken_out_is_told_as_that(self, caller: Caller) -> None:
        question = script({"reasoning": "Hm"}, {"finish": "content-filter"})
        reply = caller.wire.decode(caller.ask(question).content)
        assert (reply.text, reply.error) == ("", FILTERED)
        assert caller.stored(question)[-1]["status"] == "failed"
