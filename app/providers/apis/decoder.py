"""What the decoder of an API's responses is, and checks of the values that it reads."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from app.engine.chunks import Chunk

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
        """The chunks of one server-sent event; None where it is no part of the answer, like a ping."""
        ...

    def whole(self, data: bytes) -> list[Chunk]:
        """The chunks of a response that is no stream, but for the last ones."""
        ...

    def finish(self) -> list[Chunk]:
        """The last chunks: complete tool calls, then ModelFinished. Raises ModelError where the answer was cut off."""
        ...


def text_of(value: Any) -> str:
    """The value, if it is text. Raises TypeError where it is not."""
    if type(value) is not str:
        raise TypeError("not a text")
    return value


def text_of_parts(parts: Sequence[Mapping[str, Any]]) -> str:
    """The text of a content that is a list of parts, as some gateways write it. Raises TypeError."""
    return "".join(text_of(part.get("text") or part.get("refusal") or "") for part in parts)


def count_of(value: Any) -> int:
    """The value, if it is a number of tokens; 0 where there is none. Raises ValueError for anything else."""
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= MOST_TOKENS:
        raise ValueError("not a number of tokens")
    return value
