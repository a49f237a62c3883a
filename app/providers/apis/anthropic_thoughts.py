"""The signed thoughts of Anthropic's Messages API: from a response to the later requests that want them back.

Sources: its guides "Thinking" and "Preserved thinking". As long as an answer goes on, the thoughts before its calls
must come back, complete and as they were. With a budget for thinking, its last message must begin with one; with
thinking turned off, it may hold none (tailcallhq/forgecode#1853). Newer models check besides that all that stood before
a thought is as it was, the system prompt and the tools too, and refuse the request otherwise ("The block is bound to a
different conversation"): a history that begins later, or other passages of knowledge, are enough for that. So a thought
is handed back where what stands before it is the same.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

from app.engine.events import ReasoningIdentified
from app.engine.messages import Part, ProviderMetadata, ReasoningPart, is_too_deep
from app.providers.apis.decoder import MOST_METADATA

log = logging.getLogger(__name__)

_KINDS = ("thinking", "redacted_thinking")


class Prefix:
    """Digests of what stands before a message of a request: `fields` are those with its system prompt and its tools."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._hash = sha256(orjson.dumps([fields.get("system"), fields.get("tools")]))
        self._hashed = 0

    def before(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """Of what stands before a message that follows these, which only grow from one call to the next."""
        for message in messages[self._hashed :]:
            self._hash.update(orjson.dumps(message))
        self._hashed = len(messages)
        return self._hash.hexdigest()


class OpenThought:
    """Gathers the thoughts of one response, block by block. `prefix` is the digest of the request.

    The metadata of a thought holds that `prefix`, an id of the `response`, and the `block` without its words; None
    where a response has more than MOST_METADATA of it, and then none of its thoughts is handed back. `block` is the one
    that is open.
    """

    def __init__(self, prefix: str) -> None:
        self._response = {"prefix": prefix, "response": uuid.uuid4().hex}
        self._room = MOST_METADATA
        self.block: dict[str, Any] | None = None

    def start(self, block: Mapping[str, Any]) -> None:
        """A block of one of the kinds of thoughts starts. One that was not ended is given up."""
        self.block = {name: value for name, value in block.items() if name != "thinking"}

    def go_on(self) -> None:
        """Words have come, before which some gateways start no block."""
        if self.block is None:
            self.block = {"type": "thinking"}

    def sign(self, signature: str) -> None:
        self.go_on()
        self.block = {**(self.block or {}), "signature": signature}

    def end(self) -> list[ReasoningIdentified]:
        """The open thought has ended; none where none is open."""
        block, self.block = self.block, None
        if block is None:
            return []
        if self._room >= 0:
            self._room = -1 if is_too_deep(block) else self._room - len(orjson.dumps(block))
            if self._room < 0:
                log.warning("model server sent more metadata than is kept: it is not handed back")
        kept = block if self._room >= 0 else None
        return [ReasoningIdentified(ProviderMetadata({**self._response, "block": kept}))]


def is_thought(block: Mapping[str, Any]) -> bool:
    return block["type"] in _KINDS


def thought_blocks(said: Sequence[Part], prefix: str) -> dict[int, dict[str, Any]]:
    """The blocks for the thoughts of one round, by their places in what was `said`: all of them, or none where one of
    them is missing or was thought behind another `prefix`. Of a response without a word, which the round's own has
    followed, nothing goes back."""
    thoughts = {place: part for place, part in enumerate(said) if isinstance(part, ReasoningPart) and part.metadata}
    values = {place: part.metadata.value for place, part in thoughts.items() if part.metadata}
    response = [value.get("response") for value in values.values()][-1:]
    blocks: dict[int, dict[str, Any]] = {}
    for place, value in values.items():
        if [value.get("response")] != response:
            continue
        block = value.get("block")
        if not block or value.get("prefix") != prefix:
            return {}
        blocks[place] = {**block, "thinking": thoughts[place].text} if block["type"] == "thinking" else {**block}
    return blocks


def may_think(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a request with these messages may turn thinking on with a budget: where it goes on with an answer that
    called tools, the message with the calls must begin with a thought."""
    if messages[-1]["content"][0]["type"] != "tool_result":
        return True
    return is_thought(messages[-2]["content"][0])
