"""Why a model stopped, in the words of the servers.

Sources: OpenAI's, Anthropic's, Mistral's, Cohere's, Gemini's, DeepSeek's and GLM's API references; for those that no
reference names, vllm-project/vllm#57082 (abort), huggingface/text-generation-inference#2344 (eos_token),
openai/openai-dotnet#267 (eos), BerriAI/litellm#12513 (the word null).
"""

import logging
from collections.abc import Mapping
from typing import Any

from app.engine.messages import FinishReason

log = logging.getLogger(__name__)

_NONE = frozenset({"", "null", "none", "not_finished", "unfinished", "in_progress"})
_WORDS: Mapping[FinishReason, str] = {
    "stop": "stop stop_sequence end end_turn eos eos_token endoftext complete completed done",
    "length": "length max_tokens max_output_tokens max_completion_tokens max_length model_length context_length "
    "context_length_exceeded model_context_window_exceeded context_window_exceeded token_limit time_limit truncated",
    "content-filter": "content_filter content_filtered sensitive safety image_safety recitation blocklist spii "
    "prohibited_content refusal guardrail guardrail_intervened moderation content_policy_violation error_toxic",
    "tool-calls": "tool_calls tool_call tool_use function_call function_calls",
    "other": "other repetition unknown language finish_reason_unspecified unspecified",
}
_REASONS = {word: reason for reason, words in _WORDS.items() for word in words.split()}
_NO_END = (  # parts of the words for what broke off
    *("abort", "cancel", "error", "fail", "network", "connection", "disconnect", "timeout", "timed_out"),
    *("resource", "insufficient", "unavailable", "overload", "capacity", "rate_limit", "quota", "interrupt", "preempt"),
    *("shutdown", "crash", "killed", "evict", "memory", "unload", "malformed", "unexpected", "invalid", "missing"),
    *("exception", "incomplete", "pause", "broken", "lost", "reset"),
)


def reason_in(value: Any) -> str:
    """The word in a finish reason, as this file compares it; "" where the server says nothing of an end."""
    if isinstance(value, Mapping):
        value = value.get("type")
    word = value.strip().lower().replace("-", "_").replace(" ", "_") if isinstance(value, str) else ""
    return "" if word in _NONE else word.removeprefix("finish_reason_")


def finish_reason(word: str) -> FinishReason | None:
    """What a word of `reason_in` means; None where it is the word for something that broke off.

    A word that is not known and does not sound like that is an end for other reasons, and goes to the log: servers
    make up new ones.
    """
    if word in _REASONS:
        return _REASONS[word]
    if any(part in word for part in _NO_END):
        return None
    log.warning("model server ends an answer for a reason that is not known: %.100r", word)
    return "other"
