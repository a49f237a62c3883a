"""What models are known to refuse, by their names and by where they are asked; what is configured wins.

Sources, as of November 2026:

- Claude: Anthropic's migration guides and its API reference, "Create a message"; open-webui/open-webui#17922 and
  SalesforceAIResearch/MCP-Universe#49 (4.1 to 4.6: temperature or top_p), UKGovernmentBEIS/inspect_ai#3721 and
  NousResearch/hermes-agent#11137 (4.7: no sampling, no budget for thinking), PrimeIntellect-ai/prime-agent#302 (5).
- OpenAI: griptape-ai/griptape#1915 and huggingface/smolagents#1671 (o4-mini, GPT-5: no sampling, no stop, another name
  of the limit), BerriAI/litellm#13781 (gpt-5-chat takes all), BerriAI/litellm#17011 and BerriAI/litellm-docs#1064 (5.1
  and 5.2 sample, 5.5 does not).
- xAI: BerriAI/litellm#12635, huggingface/smolagents#1765 (grok-4, grok-3-mini: no stop).
- Moonshot: Warma10032/VideoAdGuard#34, CherryHQ/cherry-studio#12691 (from K2.5 on one temperature and one top_p).
- Mistral: its API reference, "Chat Completion" (temperature up to 1.5, `random_seed`).
- Cohere: its guide "Temperature" (up to 1).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlsplit

Sampling = bool | str
"""Whether `temperature` and `top_p` may be sent: True, "one" of them, or False."""


@dataclass(frozen=True, slots=True)
class Traits:
    """How a model takes its options. The names are those of the options that set them.

    `max_temperature` is where the API's range ends; `refuses` are fields that are left out.
    """

    sampling: Sampling = True
    max_temperature: float = 2
    max_tokens_field: str = "max_tokens"
    seed_field: str = "seed"
    refuses: tuple[str, ...] = ()
    thinking: str = "budget"


_CLAUDE = re.compile(
    r"claude-(?:(?:opus|sonnet|haiku|fable|mythos)-)?(?P<major>\d{1,2})(?:[-.](?P<minor>\d{1,2}))?(?!\d)|claude-mythos"
)
_OPENAI = re.compile(
    r"(?:^|[^a-z0-9])(?:gpt-(?P<major>[5-9])(?:\.(?P<minor>\d{1,2}))?(?P<rest>(?:[^\d.][^/]*)?)$|o(?P<series>[1-9])(?:-|$))"
)
_QUIET = re.compile(r"(-\d{4}-\d{2}-\d{2})?")  # of 5.1, 5.2 and 5.4, which do not reason unless they are told to
_GROK = re.compile(r"(?:^|[^a-z0-9])grok-(?:[4-9]|3-mini|code)")
_KIMI = re.compile(r"kimi-(?:k2\.[5-9]|k[3-9]|for-coding)|k[3-9](?:-|$)")
_HOSTS: Mapping[str, dict[str, Any]] = {
    "api.mistral.ai": {"max_temperature": 1.5, "seed_field": "random_seed"},
    "api.moonshot.ai": {"max_temperature": 1},
    "api.moonshot.cn": {"max_temperature": 1},
    "api.kimi.com": {"max_temperature": 1},
    "api.cohere.ai": {"max_temperature": 1},
    "api.cohere.com": {"max_temperature": 1},
}


def traits_of(options: Mapping[str, Any], usual: Traits) -> Traits:
    """The traits of a model with these options: `usual` for the API, or what is known of it, or what is configured."""
    name, host = options["model"].lower(), urlsplit(options["base_url"]).hostname or ""
    known = {**_HOSTS.get(host, {}), **_claude(name), **_openai(name, options), **_others(name, host)}
    configured = {each.name: options[each.name] for each in fields(Traits) if each.name in options}
    return replace(usual, **{**known, **configured})


def _claude(name: str) -> dict[str, Any]:
    found = _CLAUDE.search(name)
    if not found:
        return {}
    version = (int(found["major"]), int(found["minor"] or 0)) if found["major"] else (5, 0)  # Mythos
    if version >= (4, 7):
        return {"max_temperature": 1, "sampling": False, "thinking": "adaptive"}
    return {"max_temperature": 1, "sampling": "one" if version >= (4, 1) else True}


def _openai(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    found = _OPENAI.search(name)
    if not found or ((found["rest"] or "").startswith("-chat") and not found["minor"]):
        return {}
    limited = {"max_tokens_field": "max_completion_tokens"}
    if found["series"]:
        return {**limited, "sampling": False, "refuses": ("stop",) if int(found["series"]) >= 3 else ()}
    minor, effort = int(found["minor"] or 0), options.get("reasoning_effort")
    quiet = effort == "none" or (effort is None and minor in {1, 2, 4} and _QUIET.fullmatch(found["rest"]))
    return {**limited, "sampling": bool(minor and quiet), "refuses": ("stop",)}


def _others(name: str, host: str) -> dict[str, Any]:
    if _GROK.search(name):
        return {"refuses": ("stop",)}
    if host in _HOSTS and _KIMI.search(name):
        return {"sampling": False}
    return {}
