"""Server-sent events as model servers send them: bytes in, the data of each event out.

Follows the WHATWG HTML standard, section 9.2.6, without ids, and without the names of events, which model servers
repeat in the data. Three ways in which servers break off are read besides: an event of the name `error` begins with
ERROR, a line of a field with that name is data as it stands, and so is JSON that stands in no field.
"""

ERROR = b"error:"
MOST_EVENT_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class EventStream:
    """Parses one stream of events, fed in pieces that may be cut anywhere."""

    def __init__(self) -> None:
        self._rest = b""  # an incomplete line
        self._line: list[bytes] = []  # later pieces of that line, if it is a long one
        self._data: list[bytes] = []  # lines of the present event's data
        self._size = 0  # bytes since the last event
        self._begun = False

    @property
    def between_events(self) -> bool:
        """Whether the next byte is the first of an event."""
        return self._begun and not (self._rest or self._line or self._data)

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of each event that this piece completes.

        Raises ValueError where an event exceeds MOST_EVENT_BYTES.
        """
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
            elif not line:
                if data:
                    events.append(data[0] if len(data) == 1 else b"\n".join(data))
                    data.clear()
            elif line == b"data":
                data.append(b"")
            elif line[:1] in b"e{":
                self._take_other(line)
        return events

    def _take_other(self, line: bytes) -> None:
        if line[:1] == b"{" or line.startswith(ERROR):
            self._data.append(line)
        elif line[:6] == b"event:" and line[6:].strip() == b"error":
            self._data.insert(0, ERROR)

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MOST_EVENT_BYTES:
            raise ValueError("endless event")

    def end(self) -> list[bytes]:
        """The data of the last event, where the stream ended without the blank line after it."""
        events = self.feed(b"\n\n")
        self._rest = b""
        return events

    def _with_newlines(self, piece: bytes) -> bytes:
        """The piece with LF for CRLF and CR, except for a CR at its end, which may be half of a CRLF."""
        held = piece.endswith(b"\r")
        piece = (piece[:-1] if held else piece).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return piece + b"\r" if held else piece
