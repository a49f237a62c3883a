"""What one worker says to another: one message for all that has come up since the last one."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from hmac import compare_digest

from app.cluster.pieces import piece_from_json, piece_to_json
from app.engine.retelling import Piece

_SEAL_LENGTH = 32
_encode = json.JSONEncoder(separators=(",", ":")).encode  # in ASCII: a text may have what UTF-8 has not


@dataclass(slots=True)
class Message:
    """From the worker `sender`.

    - `rows`: the answers whose rows have news.
    - `follows`: the answers of the other worker to which somebody listens here, and from which position on they are to
      be told once more, None where nothing is missing.
    - `left`: those to which nobody listens here any more.
    - `pieces`: of answers to which somebody listens there.
    """

    sender: str
    rows: set[str] = field(default_factory=set)
    follows: dict[str, int | None] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    pieces: Sequence[Piece] = ()


class Seal:
    """Messages of this installation, and of nobody else who may write to the same Redis: what they say is told to
    callers. `secret` is the installation's."""

    def __init__(self, secret: bytes) -> None:
        self._key = secret[: blake2b.MAX_KEY_SIZE]

    def closed(self, message: Message, to: str) -> bytes:
        """The message to this worker, as it is sent."""
        pieces = [piece_to_json(piece) for piece in message.pieces]
        text = _encode([message.sender, [*message.rows], message.follows, [*message.left], pieces]).encode()
        return self._of(text, to) + text

    def opened(self, data: object, to: str) -> Message | None:
        """None where it is not one to this worker."""
        if not isinstance(data, bytes) or not compare_digest(data[:_SEAL_LENGTH], self._of(data[_SEAL_LENGTH:], to)):
            return None
        try:
            sender, rows, follows, left, pieces = json.loads(data[_SEAL_LENGTH:])
            return Message(sender, set(rows), _positions(follows), set(left), [*map(piece_from_json, pieces)])
        except (TypeError, ValueError, AttributeError):  # of another version
            return None

    def _of(self, text: bytes, to: str) -> bytes:
        return blake2b(to.encode() + b"\n" + text, digest_size=_SEAL_LENGTH // 2, key=self._key).hexdigest().encode()


def _positions(follows: Mapping[str, object]) -> dict[str, int | None]:
    return {answer_id: at if isinstance(at, int) else None for answer_id, at in follows.items()}


Hear = Callable[[Message], None]
