"""Which sampling options a request carries: what caller and configuration ask for, as far as the model heeds it."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.engine.agent import AnswerOptions
from app.providers.apis.known_models import Traits

LEAST_TOP_P = 0.01  # 0, which OpenAI takes for "as little as possible", is refused by vLLM, TGI and others
MOST_SEED = 2**31 - 1  # Gemini's, and of all whose seeds have 32 bits


def sampling_fields(requested: AnswerOptions, options: Mapping[str, Any], traits: Traits) -> dict[str, float]:
    """`temperature` and `top_p`: a caller's own before the configured ones, cut to the API's range.

    Of a model that heeds one of them it is the caller's, and the temperature where both are the caller's, or both
    configured.
    """
    if traits.sampling is False:
        return {}
    asked = _cut(requested.temperature, requested.top_p, traits)
    configured = _cut(options.get("temperature"), options.get("top_p"), traits)
    if traits.sampling == "one":
        return dict(list((asked or configured).items())[:1])
    return {**configured, **asked}


def seed_of(requested: AnswerOptions, options: Mapping[str, Any]) -> int | None:
    """The caller's seed, folded into 31 bits, or the configured one."""
    return options.get("seed") if requested.seed is None else requested.seed % (MOST_SEED + 1)


def unheeded_sampling(options: Mapping[str, Any], traits: Traits) -> Iterator[tuple[str, str]]:
    """Configured sampling options that are not sent, each with the reason."""
    sent = sampling_fields(AnswerOptions(), options, traits)
    for name in ("temperature", "top_p"):
        if name in options and name not in sent:
            why = "takes one of temperature and top_p" if traits.sampling == "one" else "takes no sampling options"
            yield name, f"is not sent: the model {why}"
    if sent and options.get("temperature", 0) > traits.max_temperature:
        yield "temperature", f"is sent as {traits.max_temperature:g}, where the API's range ends"


def _cut(temperature: float | None, top_p: float | None, traits: Traits) -> dict[str, float]:
    cut: dict[str, float] = {}
    if temperature is not None:
        cut["temperature"] = min(temperature, traits.max_temperature)
    if top_p is not None:
        cut["top_p"] = max(top_p, LEAST_TOP_P)
    return cut
