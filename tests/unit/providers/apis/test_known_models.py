"""What is known of models by their names and servers, and that what is configured wins."""

import pytest

from app.providers.apis.known_models import Traits, traits_of

OPENAI = Traits()
ONE = {"max_temperature": 1, "sampling": "one"}
NONE = {"max_temperature": 1, "sampling": False, "thinking": "adaptive"}
REASONS = {"max_tokens_field": "max_completion_tokens", "sampling": False, "refuses": ("stop",)}
SAMPLES = {**REASONS, "sampling": True}

KNOWN = {
    "claude-3-5-sonnet-20241022": {"max_temperature": 1},
    "claude-3-haiku-20240307": {"max_temperature": 1},
    "claude-sonnet-4-20250514": {"max_temperature": 1},
    "claude-opus-4-0": {"max_temperature": 1},
    "claude-opus-4-1-20250805": ONE,
    "claude-sonnet-4-5": ONE,
    "claude-haiku-4-5-20251001": ONE,
    "claude-opus-4-5@20251101": ONE,
    "claude-sonnet-4-6": ONE,
    "anthropic/claude-opus-4.6": ONE,
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": ONE,
    "claude-opus-4-7": NONE,
    "anthropic/claude-opus-4.8": NONE,
    "anthropic/claude-4.7-opus": NONE,
    "anthropic.claude-opus-4-7-v1:0": NONE,
    "claude-sonnet-5": NONE,
    "claude-opus-5-5": NONE,
    "claude-fable-5": NONE,
    "claude-mythos-preview": NONE,
    "Claude-Opus-4-7": NONE,
    "gpt-3.5-turbo": {},
    "gpt-35-turbo": {},
    "gpt-4": {},
    "gpt-4o": {},
    "gpt-4.1-mini": {},
    "gpt-oss-120b": {},
    "gpt-5": REASONS,
    "gpt-5-mini": REASONS,
    "gpt-5-2025-08-07": REASONS,
    "openai/gpt-5-nano": REASONS,
    "openai/gpt-5:floor": REASONS,
    "prod-gpt-5-mini": REASONS,
    "gpt-5.5": REASONS,
    "gpt-5.6-luna": REASONS,
    "gpt-6": REASONS,
    "gpt-5.2-pro": REASONS,
    "gpt-5.1-codex-max": REASONS,
    "gpt-5.1": SAMPLES,
    "gpt-5.2-2025-12-11": SAMPLES,
    "gpt-5.4": SAMPLES,
    "gpt-5-chat-latest": {},
    "o1": {"max_tokens_field": "max_completion_tokens", "sampling": False},
    "o3-mini-2025-01-31": REASONS,
    "openai/o4-mini": REASONS,
    "grok-4-0709": {"refuses": ("stop",)},
    "x-ai/grok-3-mini": {"refuses": ("stop",)},
    "grok-3": {},
    "solo3-7b": {},
    "llama-3.2-o": {},
    "llama3.2": {},
    "Qwen/Qwen3-8B": {},
    "moonshotai/Kimi-K2.5": {},
    "any": {},
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_model_is_known_by_its_name_wherever_it_is_asked(name) -> None:
    expected = Traits(**KNOWN[name])
    assert traits_of({"model": name, "base_url": "http://127.0.0.1:4000/v1"}, OPENAI) == expected


AT_SERVERS = [
    ("https://api.mistral.ai/v1", "mistral-large-latest", {"max_temperature": 1.5, "seed_field": "random_seed"}),
    ("https://api.moonshot.ai/v1", "kimi-k2-0905-preview", {"max_temperature": 1}),
    ("https://api.moonshot.cn/v1", "kimi-k2.5", {"max_temperature": 1, "sampling": False}),
    ("https://api.kimi.com/coding/v1", "kimi-for-coding", {"max_temperature": 1, "sampling": False}),
    ("https://api.cohere.ai/compatibility/v1", "command-a-03-2025", {"max_temperature": 1}),
    ("http://127.0.0.1:8000/v1", "mistralai/Mistral-7B", {}),
]


@pytest.mark.parametrize(("url", "model", "known"), AT_SERVERS)
def test_some_things_are_known_of_the_server(url, model, known) -> None:
    assert traits_of({"model": model, "base_url": url}, OPENAI) == Traits(**known)


def test_what_is_configured_wins_over_what_is_known() -> None:
    options = {"model": "gpt-5", "base_url": "https://api.openai.com/v1"}
    configured = {"sampling": True, "max_tokens_field": "max_tokens", "refuses": [], "max_temperature": 1.2}
    assert traits_of({**options, **configured}, OPENAI) == Traits(**configured)
    assert traits_of({"model": "claude-opus-4-7", "base_url": "", "thinking": "budget"}, OPENAI).thinking == "budget"


@pytest.mark.parametrize(
    ("model", "effort", "sampling"),
    [("gpt-5.5", "none", True), ("gpt-5.1", "low", False), ("gpt-5.2-pro", "none", True), ("gpt-5", "none", False)],
)
def test_gpt_samples_where_it_does_not_reason(model, effort, sampling) -> None:
    options = {"model": model, "base_url": "https://api.openai.com/v1", "reasoning_effort": effort}
    assert traits_of(options, OPENAI).sampling is sampling
