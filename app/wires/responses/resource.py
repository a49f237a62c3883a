"""A response as it is told: what was asked, how it stands, and what has come of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from app.engine.agent import AnswerFormat, AnswerOptions, ToolChoice, ToolSpec
from app.engine.messages import FinishReason, Usage
from app.wires.responses.items import is_hidden

PREFIX = "resp_"
_BROKEN_OFF = ("incomplete", "failed", "cancelled")
_INCOMPLETE: Mapping[FinishReason, str] = {"length": "max_output_tokens", "content-filter": "content_filter"}
SEALED = "reasoning.encrypted_content"  # of `include`


@dataclass(frozen=True, slots=True)
class Asked:
    """What a response says of its request; it is kept with its answer as JSON, where the response is stored.

    - `told`: the fields as they are told. `sealed`: whether thoughts that are not shown come along, for their model.
    - `begin`: the position at which its turn begins, behind what its input has had of it.
    - `before`: how much of the conversation came by `previous_response_id`: messages of the system, other messages,
      and parts of the last one. `said_before`: how many parts the answer had that the input brought.
    - `cancelled`: somebody has asked for its end.
    """

    told: Mapping[str, Any]
    tools: Sequence[str]
    sealed: bool
    before: tuple[int, int, int] = (0, 0, 0)
    said_before: int = 0
    begin: int = 0
    cancelled: bool = False

    @classmethod
    def of(cls, data: Mapping[str, Any], options: AnswerOptions) -> Self:
        """`data` is as ResponseRequestSchema loads it."""
        told = {
            "model": data["model"],
            "previous_response_id": data["previous_response_id"],
            "instructions": data["instructions"] or None,
            "tools": [_tool(tool) for tool in data["tools"]],
            "tool_choice": _choice(options.tool_choice),
            "truncation": "auto",
            "parallel_tool_calls": not options.one_call_at_a_time,
            "text": {"format": _format(options.format)},
            "top_p": 1.0 if options.top_p is None else options.top_p,
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "top_logprobs": 0,
            "temperature": 1.0 if options.temperature is None else options.temperature,
            "reasoning": {"effort": options.effort, "summary": data["reasoning"]["summary"]},
            "max_output_tokens": options.max_tokens,
            "max_tool_calls": None,
            "store": data["store"],
            "background": data["background"],
            "service_tier": "default",
            "metadata": data["metadata"],
            "safety_identifier": data["safety_identifier"],
            "prompt_cache_key": data["prompt_cache_key"],
        }
        return cls(told, [tool.name for tool in data["tools"]], SEALED in data["include"])

    @classmethod
    def kept(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{**stored, "before": tuple(stored["before"])})

    def to_keep(self) -> Mapping[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}  # `asdict` would copy the tools

    def but(self, **changes: Any) -> Self:
        return replace(self, **changes)

    def response(
        self,
        answer_id: str,
        created_at: int,
        status: str,
        output: Sequence[Mapping[str, Any]] = (),
        *,
        usage: Usage | None = None,
        error: Mapping[str, Any] | None = None,
        incomplete: str | None = None,
        completed_at: int | None = None,
    ) -> dict[str, Any]:
        """Times are in epoch milliseconds; `error` has a `code` and a `message`. What was broken off was so in its last
        message."""
        items = [*output]
        last = next((place for place in reversed(range(len(items))) if not is_hidden(items[place])), None)
        if status in _BROKEN_OFF and last is not None and items[last]["type"] == "message":
            items[last] = {**items[last], "status": "incomplete"}
        return {
            "id": f"{PREFIX}{answer_id}",
            "object": "response",
            "created_at": created_at // 1000,
            "completed_at": completed_at // 1000 if completed_at is not None else None,
            "status": status,
            "incomplete_details": {"reason": incomplete} if incomplete else None,
            "error": error,
            "output": items,
            "usage": usage_body(usage) if usage else None,
            **self.told,
        }


def incomplete_reason(reason: FinishReason) -> str | None:
    """None for an answer that has come to its end."""
    return _INCOMPLETE.get(reason)


def usage_body(usage: Usage) -> dict[str, Any]:
    """How many of the tokens were cached, and how many thoughts took, is not known: 0."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _tool(tool: ToolSpec) -> dict[str, Any]:
    described = tool.description or None
    told = {"type": "function", "name": tool.name, "description": described, "parameters": tool.parameters}
    return {**told, "strict": None}


def _choice(choice: ToolChoice) -> Any:
    return {"type": "function", "name": choice.name} if choice.name else choice.kind


def _format(wanted: AnswerFormat | None) -> dict[str, Any]:
    if wanted is None:
        return {"type": "text"}
    if wanted.schema is None:
        return {"type": "json_object"}
    named = {"type": "json_schema", "name": wanted.name, "description": wanted.description or None}
    return {**named, "schema": wanted.schema, "strict": bool(wanted.strict)}
