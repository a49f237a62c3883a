"""Server-sent events as model servers send them: the data of each event, whatever the line ends, as bytes.

Follows the WHATWG HTML standard, section 9.2.6, without event names and ids: the servers repeat them in the data.
"""

MOST_EVENT_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class EventStream:
    """Feed it pieces of a stream, cut anywhere."""

    def __init__(self) -> None:
        self._rest = b""
        self._line: list[bytes] = []  # pieces of a long line
        self._data: list[bytes] = []
        self._size = 0  # bytes since the last event
        self._begun = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of each event that this piece completes. Raises ValueError where an event does not end."""
        if self._begun and not (b"\n" in piece or b"\r" in piece or self._rest.endswith(b"\r")):
            self._line.append(piece)
            self._grow(len(piece))
            return []
        if self._rest or self._line:
            piece = b"".join([self._rest, *self._line, piece])
            self._line.clear()
        if not self._begun:
            if len(piece) < len(_BOM) and _BOM.startswith(piece):
                self._rest = piece
                return []
            self._begun, piece = True, piece.removeprefix(_BOM)
        if b"\r" in piece:
            piece = self._with_newlines(piece)
        events = self._split(piece)
        self._size = 0 if events else self._size
        self._grow(len(self._rest) if events else len(piece))
        return events

    def _split(self, piece: bytes) -> list[bytes]:
        lines = piece.split(b"\n")
        self._rest = lines.pop()
        events: list[bytes] = []
        data = self._data
        for line in lines:
            if line[:5] == b"data:":
                data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif line == b"data":
                data.append(b"")
            elif not line and data:
                events.append(data[0] if len(data) == 1 else b"\n".join(data))
                data.clear()
        return events

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MOST_EVENT_BYTES:
            raise ValueError("endless event")

    def end(self) -> list[bytes]:
        """What the last event holds where the stream ends without the blank line behind it."""
        events = self.feed(b"\n\n")
        self._rest = b""
        return events

    def _with_newlines(self, piece: bytes) -> bytes:
        """CRLF and CR as LF; a CR at the very end waits, for it may be half of a CRLF."""
        held = piece.endswith(b"\r")
        piece = (piece[:-1] if held else piece).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return piece + b"\r" if held else piece
