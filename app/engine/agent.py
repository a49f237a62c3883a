"""Agents: who answers, with which models and tools, within which limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]
"""How much a model reasons, as OpenAI's API has it."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as models see it; `parameters` is a JSON Schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Agent:
    """A configured agent.

    - `models`: names of configured models; a later one is tried where an earlier one fails before it has begun to
      answer.
    - `tools` run in the server. `client_tools` run at the caller, who sends their results with the next request.
    - `knowledge`: patterns of the files that may be searched for the answer; there may be none that match.
    - `embeddings`: the name of the model by which they are searched for meaning too; "" where they are not.
    - `language`: in which it answers, as a tag such as "en" or "de-CH" (BCP 47).
    - `texts`: what its owner has the built-in model say in place of its own words: by language (ISO 639-1; "" is for
      all of them), by the text's name.
    - `workflow`: the name of the workflow that makes the answers, if one does.
    - `public`: callers without a credential may ask it.
    - `allow_system`: callers may send system messages, which take the place of `instructions`.
    - `client_history`: the model sees the messages that the caller brings, not the stored ones.
    - `widget_key_wires`: wires beside those for widget keys alone that take the agent's widget keys.
    - `create_chats`: a user's question to a chat that does not exist begins it, under the id that it was asked by.
    - `show_tools` and `stream_format` ("sse" or "ndjson") are the wires' to read.
    - `when_left`: for how many seconds an answer goes on whose callers have all left; without end where it is infinite.
    - `max_tokens`: of one answer, over all its rounds. `max_rounds`: requests to the model for one answer.
    - `history_messages`, `history_tokens` (estimated): the most of a conversation that a model sees.
    """

    id: str
    name: str
    models: tuple[str, ...]
    instructions: str = ""
    tools: tuple[str, ...] = ()
    client_tools: tuple[ToolSpec, ...] = ()
    knowledge: tuple[str, ...] = ()
    embeddings: str = ""
    language: str = "en"
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    workflow: str | None = None
    public: bool = False
    widget_key_wires: tuple[str, ...] = ()
    allow_system: bool = False
    create_chats: bool = False
    show_tools: bool = False
    client_history: bool = False
    stream_format: str = "sse"
    max_tokens: int | None = None
    max_rounds: int = 6
    history_messages: int = 30
    history_tokens: int = 8000
    when_left: float = 0


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """That an answer is JSON: what fits the `schema`, a JSON Schema, or any object where there is none. The others are
    told to models whose API has them."""

    schema: Mapping[str, Any] | None = None
    name: str = "answer"
    description: str = ""
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether an answer calls the caller's tools: as the model sees fit, never, or in any case; then, where there is a
    `name`, that one."""

    kind: Literal["auto", "none", "required"] = "auto"
    name: str = ""


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """What a caller may set for the model; None leaves it to the model's configuration.

    - `max_tokens`, `temperature`, `top_p`, `seed`, `effort` (of reasoning): as far as the model heeds them.
    - `stop`: texts that end the answer, `format`, `tool_choice`: a model that cannot heed them is not asked (needs.py).
    - `one_call_at_a_time`: the model calls one tool in a round.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    effort: Effort | None = None
    stop: tuple[str, ...] = ()
    format: AnswerFormat | None = None
    tool_choice: ToolChoice = ToolChoice()
    one_call_at_a_time: bool = False

    def within(self, agent: Agent, spent: int = 0) -> "AnswerOptions":
        """These options with `max_tokens` lowered to what the agent's own limit and the `spent` tokens of earlier
        rounds leave, but never below 1. It stays None where neither the caller nor the agent sets a limit."""
        limits = [limit for limit in (self.max_tokens, agent.max_tokens) if limit is not None]
        return replace(self, max_tokens=max(min(limits) - spent, 1) if limits else None)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """For whom a tool is called: the agent, the id of the signed-in user, if there is one, and the name of the taker
    for whom places are counted."""

    agent: Agent
    user_id: str | None = None
    taker: str = ""
