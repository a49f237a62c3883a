"""What servers with OpenAI's chat-completions API want back with their model's own words, beyond that API.

- Thoughts beside calls: `reasoning_content` or `reasoning`, under the name under which they came. DeepSeek's guide
  "Thinking mode" wants those of each answer that called tools in all later requests, and ignores others. Kimi refuses
  calls without them (QuantumNous/new-api#3121); Cerebras and Groq refuse the name that is not their own
  (QwenLM/qwen-code#11045, tashfeenahmed/freellmapi#1070).
- Signatures beside a call: `extra_content` of Gemini's guide "Thought signatures", `provider_specific_fields` of
  LiteLLM, and whatever else a server puts into a call.
- Fields of the message with opaque thoughts: `reasoning_details` of OpenRouter's guide "Reasoning tokens", in pieces
  that their `index` numbers, `extra_content` beside text, `thinking_blocks` of LiteLLM. Further ones are known by their
  names; what says nothing of thoughts is left out, since strict servers refuse some fields that they send themselves.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.engine.events import ReasoningIdentified
from app.engine.messages import Message, ProviderMetadata, ReasoningPart, is_too_deep
from app.providers.apis.decoder import MOST_METADATA
from app.providers.apis.tool_calls import PartialCall

log = logging.getLogger(__name__)

MOST_ITEMS = 256  # of a list of thoughts
REASONING = ("reasoning_content", "reasoning")  # the fields for thoughts in words
_OPAQUE = re.compile("extra_content|reasoning|thinking|thought|signature|opaque|encrypted")
_USUAL = frozenset({"role", "content", "tool_calls", "function_call", "refusal"})
_WORDS = ("text", "summary", "thinking")  # of a piece of a list of thoughts: these are joined


class ResponseMetadata:
    """Gathers the metadata of one response. That of a message is an object with `names`, the fields in which its
    thoughts came, and `fields`, what stood beside them; that of a call has what stood beside the call's own fields.

    A response with more than MOST_METADATA, or with a list of more than MOST_ITEMS, keeps none but `names`: an answer
    is worth more than what its server may want back, and the next request is sent without it.

    `thinking`: whether words of a thought came last.
    """

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._fields: dict[str, Any] = {}
        self._room = MOST_METADATA
        self.thinking = self._thought = False  # now; ever

    def note(self, delta: Mapping[str, Any], *, whole: bool = False) -> bool:
        """Take what the delta has of it, or the message where it is `whole`; False where it has nothing."""
        opaque: dict[str, Any] = {}
        for name, value in delta.items():
            if name in REASONING:
                if isinstance(value, str):
                    self._names[name] = None
            elif value and name not in _USUAL and _OPAQUE.search(name):
                opaque[name] = value
        if opaque:
            self._add(self._fields, opaque, whole=whole)
        return bool(opaque)

    def note_call(self, call: PartialCall, piece: Mapping[str, Any]) -> None:
        """Add to the call what this piece of it has beside its own fields."""
        beside = {name: piece[name] for name in piece.keys() - {"index", "id", "type", "function"} if piece[name]}
        function = piece.get("function") or {}
        within = {name: function[name] for name in function.keys() - {"name", "arguments"} if function[name]}
        if beside or within:
            self._add(call.metadata, {**beside, **({"function": within} if within else {})}, whole=True)

    def think(self) -> None:
        """Words of a thought have come."""
        self.thinking = self._thought = True

    def speak(self) -> list[ReasoningIdentified]:
        """Words of the answer come: the thoughts before them have ended."""
        ended, self.thinking = self.thinking and self._names, False
        return [ReasoningIdentified(ProviderMetadata({"names": [*self._names]}))] if ended else []

    def finish(self, *, calls: bool) -> list[ReasoningIdentified]:
        """The metadata that is left at the end of the response, which may make `calls`."""
        value: dict[str, Any] = {}
        if self._names and (self.thinking or (calls and not self._thought)):
            value["names"] = [*self._names]
        if self._fields and self._room >= 0:
            value["fields"] = self._fields
        return [ReasoningIdentified(ProviderMetadata(value))] if value else []

    def of_call(self, call: PartialCall) -> ProviderMetadata | None:
        """A call's, of what `note_call` has added to it."""
        return ProviderMetadata(call.metadata) if call.metadata and self._room >= 0 else None

    def _add(self, into: dict[str, Any], fields: Mapping[str, Any], *, whole: bool) -> None:
        """`whole`: strings and lists replace earlier ones, in place of being their next pieces."""
        for name, value in fields.items():
            if into.get(name) == value and (whole or isinstance(value, Mapping)):
                continue  # said once more, as some say the id of a call
            if self._room < 0 or not self._fits(value):
                into.clear()
                return
            earlier = into.get(name)
            if isinstance(value, Mapping) and isinstance(earlier, dict):
                into[name] = _merged(earlier, value)
            elif isinstance(value, list) and not whole:
                into[name] = _continued(earlier if isinstance(earlier, list) else [], value)
                if len(into[name]) > MOST_ITEMS:
                    self._room = -1
            elif isinstance(value, str) and isinstance(earlier, str) and not whole:
                into[name] = earlier + value
            else:
                into[name] = value

    def _fits(self, value: Any) -> bool:
        self._room = -1 if is_too_deep(value) else self._room - len(orjson.dumps(value))
        if self._room < 0:
            log.warning("model server sent more metadata than is kept: it is not handed back")
        return self._room >= 0


def thought_fields(thoughts: Sequence[ReasoningPart], *, words: bool) -> dict[str, Any]:
    """The fields of an assistant's message for the thoughts of one round; for those in words only with `words`."""
    values = [thought.metadata.value for thought in thoughts if thought.metadata]
    fields: dict[str, Any] = {}
    if words:
        text = "".join(thought.text for thought in thoughts if thought.metadata)
        fields = {name: text for value in values for name in value.get("names", ())}
    for value in values:
        fields |= value.get("fields", {})
    return fields


def fill_in(messages: Sequence[dict[str, Any]], dialogue: Sequence[Message]) -> None:
    """Where the model thinks in words, as it has done anywhere in the dialogue, put a blank for the thoughts before
    calls that have none, since another model made them, or an earlier version kept none: DeepSeek and Kimi refuse a
    call without. Where there are fields for thoughts besides, a blank would be none of these."""
    parts = [part for message in dialogue for part in message.parts if isinstance(part, ReasoningPart)]
    values = [part.metadata.value for part in parts if part.metadata]
    if any(value.get("fields") for value in values):
        return
    blanks = {name: " " for value in values for name in value.get("names", ())}
    for message in messages:
        if message.get("tool_calls") and not message.keys() & set(REASONING):
            message.update(blanks)


def call_with(metadata: ProviderMetadata | None, call: Mapping[str, Any]) -> dict[str, Any]:
    """The call with what its server has put beside the call's own fields."""
    if metadata is None:
        return {**call}
    return {**metadata.value, **call, "function": {**metadata.value.get("function", {}), **call["function"]}}


def words_of(details: Any) -> str:
    """The words in a list of thoughts, which some servers write nowhere else."""
    pieces = [piece for piece in details or () if isinstance(piece, Mapping)]
    return "".join(text for piece in pieces for name in ("text", "summary") if isinstance(text := piece.get(name), str))


def _merged(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Both objects; of two values of one name the later one, unless it says nothing."""
    merged = dict(earlier)
    for name, value in later.items():
        known = merged.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[name] = _merged(known, value)
        elif value or name not in merged:
            merged[name] = value
    return merged


def _continued(items: list[Any], pieces: list[Any]) -> list[Any]:
    """The list, whose items came in pieces so far, with these further pieces."""
    for piece in pieces:
        item = _item_of(items, piece) if isinstance(piece, Mapping) else None
        if item is None:
            items.append(dict(piece) if isinstance(piece, Mapping) else piece)
            continue
        for name, value in piece.items():
            known = item.get(name)
            if name in _WORDS and isinstance(known, str) and isinstance(value, str):
                item[name] = known + value
            elif value or name not in item:
                item[name] = value
    return items


def _item_of(items: list[Any], piece: Mapping[str, Any]) -> dict[str, Any] | None:
    """The item that the piece continues: the last one of its index, or the last of all where it has none, if that is of
    the same type and id and was not ended by a signature. None where it begins another."""
    index = piece.get("index")
    candidates = [item for item in items[-1 if index is None else 0 :] if isinstance(item, dict)]
    same = [item for item in candidates if item.get("index") == index and item.get("type") == piece.get("type")]
    if not same:
        return None
    item = same[-1]
    ended = item.get("signature") and any(piece.get(name) for name in _WORDS)
    other = any(
        item.get(name) and piece.get(name) not in (None, "", item[name]) for name in ("id", "data", "signature")
    )
    return None if ended or other else item
