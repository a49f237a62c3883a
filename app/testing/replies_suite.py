"""What every provider that speaks over HTTP makes of the ways in which servers end a reply, as tests to inherit."""

from typing import Any

import pytest

from app.engine.chunks import Chunk, ModelFinished
from app.engine.errors import ModelError, Problem
from app.engine.events import TextDelta
from app.testing.model_server import LAST, ModelServer, streamed
from app.testing.provider_apis import ProviderApi, chunks_of, make_prompt

NO_ENDS = ["abort", "network_error", "insufficient_system_resource", "error", "MALFORMED_FUNCTION_CALL", "null"]
REASONS = {
    "stop": ["stop", "end_turn", "eos_token", "STOP"],
    "length": ["length", "model_length", "model_context_window_exceeded", "MAX_TOKENS"],
    "content-filter": ["content_filter", "sensitive", "SAFETY", "refusal"],
    "other": ["the_moon_is_full"],
}


class RepliesSuite:
    """Subclasses set `api`."""

    api: ProviderApi

    @pytest.mark.parametrize("count", [3.0, 2.5, -1, "3", "n/a", None, 1e300, [3], True], ids=str)
    def test_counts_that_are_none_cost_nothing_but_themselves(self, upstream: ModelServer, count: Any) -> None:
        upstream.play(self.api.answer("All is well.", completion=count))
        said, last = chunks_of(self.api.model(upstream.url))
        assert said == TextDelta("All is well.")
        assert isinstance(last, ModelFinished)
        assert (last.finish_reason, 0 <= last.usage.completion_tokens <= 3) == ("stop", True)

    @pytest.mark.parametrize(("meaning", "word"), [(each, word) for each in REASONS for word in REASONS[each]])
    def test_why_an_answer_ended_is_told(self, upstream: ModelServer, meaning: str, word: str) -> None:
        upstream.play(self.api.answer("so far", reason=word))
        assert chunks_of(self.api.model(upstream.url))[-1].finish_reason == meaning

    @pytest.mark.parametrize("reason", NO_ENDS)
    def test_a_reason_that_is_no_end_is_a_failure_behind_what_was_said(
        self, upstream: ModelServer, reason: str
    ) -> None:
        upstream.play(self.api.answer("so far", reason=reason))
        said: list[Chunk] = []
        with pytest.raises(ModelError) as failure:
            said.extend(chunk for batch in self.api.model(upstream.url).open(make_prompt(), 5) for chunk in batch)
        assert said == [TextDelta("so far")]
        assert failure.value.problem is Problem.UPSTREAM_FAILED

    @pytest.mark.parametrize(
        "told", [b"error: no memory\n\n", b"event: error\ndata: no memory\n\n", b'{"error":"x"}\n\n']
    )
    def test_an_error_in_another_dress_is_a_failure(self, upstream: ModelServer, told: bytes) -> None:
        upstream.play([*streamed(self.api.begin, self.api.text("so far"), told, self.api.end()), LAST])
        with pytest.raises(ModelError) as failure:
            chunks_of(self.api.model(upstream.url))
        assert failure.value.problem is Problem.UPSTREAM_FAILED
