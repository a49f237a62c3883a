"""What every provider that speaks over HTTP does where a server refuses options, as tests to inherit."""

import pytest

from app.engine.chunks import ModelFinished
from app.engine.errors import ModelError
from app.testing.model_server import ModelServer, whole
from app.testing.provider_apis import ProviderApi, chunks_of, make_prompt


class OptionsSuite:
    """Subclasses set `api`."""

    api: ProviderApi

    def test_a_server_that_refuses_an_option_of_the_callers_is_asked_without_options(
        self, upstream: ModelServer
    ) -> None:
        upstream.answers = [whole(self.api.refusal("what is this?"), 400), self.api.answer("so")]
        model = self.api.model(upstream.url)
        last = chunks_of(model, make_prompt(temperature=0.3, top_p=0.5, seed=7))[-1]
        assert isinstance(last, ModelFinished)
        first, second = (request.json for request in upstream.requests)
        assert {"temperature", "top_p"} & first.keys()
        assert not {"temperature", "top_p", "seed"} & second.keys()
        assert second.items() <= first.items()

    def test_a_server_that_refuses_what_has_no_options_is_asked_once(self, upstream: ModelServer) -> None:
        upstream.play(whole(self.api.refusal("what is this?"), 400))
        with pytest.raises(ModelError) as refusal:
            chunks_of(self.api.model(upstream.url))
        assert not refusal.value.kind.others
        assert len(upstream.requests) == 1
