"""What the decoder of an API's responses is, and checks of the values that it reads."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from app.engine.chunks import Chunk
from app.providers.transport.sse import ERROR

MOST_TOKENS = 2**31 - 1
MOST_METADATA = 256 * 1024  # bytes of the metadata of one response, as JSON; of what has more, none is kept
UNREADABLE = (ValueError, TypeError, AttributeError, LookupError)  # what decoding nonsense raises


class Decoder(Protocol):
    """Reads one response of a provider's API.

    `finished`: the answer is complete, though its usage may still come. `done`: nothing more can come. Methods raise
    ModelError where the server reports a failure, and one of UNREADABLE where what it sent makes no sense.
    """

    finished: bool
    done: bool

    def event(self, data: bytes) -> list[Chunk] | None:
        """The chunks of one server-sent event; None where it holds nothing of the answer, like a ping, a role, an empty
        delta or a count: a server that sends no more than these is as good as silent."""
        ...

    def text_in_chunk(self, data: bytes) -> str | None:
        """The text of an event that holds nothing else, which is a chunk of its own in HTTP's chunked transfer coding,
        `data`; None where it is anything else, or not certain to be that at a glance."""
        return None

    def whole(self, data: bytes) -> list[Chunk]:
        """The chunks of a response that is no stream, but for the last ones."""
        ...

    def finish(self) -> list[Chunk]:
        """The last chunks: complete tool calls, then ModelFinished. Raises ModelError where the answer was cut off."""
        ...


_LABELS = frozenset({"format", "id", "index", "role", "type"})  # they say of what kind something is, or whose
_MOST_LEVELS = 8
_MOST_BRACKETS = 256  # in JSON that Python reads, which has no bound of its own


def part_of_answer(value: Any) -> list[Chunk] | None:
    """What `Decoder.event` returns for a delta or block that gave no chunk: [] where it is part of the answer all the
    same, such as a piece of a call, and None where it holds nothing."""
    return [] if _holds_something(value, _MOST_LEVELS) else None


def _holds_something(value: Any, levels: int) -> bool:
    """Any text or number that is no label; what is nested deeper than `levels` counts."""
    if not levels:
        return True
    if isinstance(value, Mapping):
        return any(_holds_something(each, levels - 1) for name, each in value.items() if name not in _LABELS)
    if isinstance(value, list):
        return any(_holds_something(each, levels - 1) for each in value)
    return bool(value)


def text_of(value: Any) -> str:
    """The value, if it is text. Raises TypeError where it is not."""
    if type(value) is not str:
        raise TypeError("not a text")
    return value


def thought_in(value: Any) -> str:
    """The words of a thought that is no text but an object, or a list of them, as some gateways write it."""
    pieces = value if isinstance(value, list) else [value]
    return "".join(_words(piece) for piece in pieces)


def _words(piece: Any) -> str:
    if isinstance(piece, Mapping):
        piece = next((piece[name] for name in ("text", "thinking", "content", "summary") if piece.get(name)), "")
    return piece if isinstance(piece, str) else ""


def text_of_parts(parts: Sequence[Mapping[str, Any]]) -> str:
    """The text of a content that is a list of parts, as some gateways write it. Raises TypeError."""
    return "".join(text_of(part.get("text") or part.get("refusal") or "") for part in parts)


def count_of(value: Any) -> int:
    """A number of tokens; 0 for what is none. Some gateways estimate them, and write 2.5 or "3"."""
    try:
        count = 0 if isinstance(value, bool) else int(float(value))
    except (ValueError, TypeError, OverflowError):
        return 0
    return count if 0 <= count <= MOST_TOKENS else 0


def mapping_of(value: Any) -> Mapping[str, Any]:
    """The value, if it is an object; an empty one where something else stands in its place."""
    return value if isinstance(value, Mapping) else {}


def json_in(data: bytes) -> Any:
    """The JSON, also where it is `nearly_json`. Raises ValueError."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return nearly_json(data)


def nearly_json(data: bytes) -> Any:
    """What orjson refuses, though servers write it: NaN and Infinity (Python's `json.dumps`), which are read as null,
    half a surrogate pair, and control characters in texts. Raises ValueError."""
    if data.count(b"[") + data.count(b"{") > _MOST_BRACKETS:
        raise ValueError("may be nested too deeply")
    return json.loads(data, strict=False, parse_constant=lambda _: None)


def error_in(data: bytes) -> Any:
    """An event that is an error by its name, or that was sent as the field `error` (ggml-org/llama.cpp#16109), as an
    event of the type "error"; other data as `nearly_json` reads it. Raises ValueError where that is no JSON either."""
    if not data.startswith(ERROR):
        return nearly_json(data)
    text = data.removeprefix(ERROR).strip()
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        said = text.decode("utf-8", "replace")
    inner = said.get("error") if isinstance(said, Mapping) else None
    return {"type": "error", "error": inner or said or "no more than that"}
