"""What every provider's models promise (app/testing/provider_suite.py), asked of each provider of app/providers."""

import pytest

from app.providers import PROVIDERS
from app.testing.provider_apis import ANTHROPIC, OPENAI, build_model
from app.testing.provider_suite import HttpProviderSuite, ProviderSuite, Scenario
from app.testing.server import script


class TestOpenAI(HttpProviderSuite):
    api = OPENAI


class TestAnthropic(HttpProviderSuite):
    api = ANTHROPIC


class TestBuiltin(ProviderSuite):
    provider = "builtin"

    @pytest.fixture
    def speaking(self) -> Scenario:
        return Scenario(build_model(self.provider, pace=0), "Tell me a joke")

    @pytest.fixture
    def silent(self) -> Scenario:
        return Scenario(build_model(self.provider, pace=10), "Tell me a joke")

    @pytest.fixture
    def calling(self) -> Scenario:
        return Scenario(build_model(self.provider, pace=0), "What is 2+2?")


class TestScripted(ProviderSuite):
    provider = "scripted"

    @pytest.fixture
    def speaking(self) -> Scenario:
        return Scenario(build_model(self.provider), script({"text": "word ", "times": 5}))

    @pytest.fixture
    def silent(self) -> Scenario:
        return Scenario(build_model(self.provider), script({"text": "word"}, {"pause": 10}))

    @pytest.fixture
    def calling(self) -> Scenario:
        calls = script({"call": "clock"}, {"call": "clock"}, {"text": "so"}, {"call": "clock"})
        return Scenario(build_model(self.provider), calls)


def test_every_provider_is_under_test() -> None:
    over_http = {suite.api.provider for suite in (TestOpenAI, TestAnthropic)}
    assert over_http | {TestBuiltin.provider, TestScripted.provider} == set(PROVIDERS)
