"""Reads events that differ from an earlier one in nothing but their text, without parsing all of their JSON.

Most events of a stream are so, and parsing is the largest part of a token's own work. The bytes before and after the
text are kept; of an event that begins and ends with them, only the string between them is parsed. Replacing one JSON
value by another changes nothing else of a document, so the result is what parsing the whole event would give.
"""

from collections.abc import Mapping
from typing import Any

import orjson

_LONGEST_SIZE = 8  # bytes of a chunk's size and its line's end
MOST_LESSONS = 3  # learned in one stream: a server that varies every event would have each one learned in vain


class Repetition:
    """The repetition in one stream of OpenAI's chat completions."""

    def __init__(self) -> None:
        self._before = self._behind = b""  # the bytes around the text in the event that was learned
        self._lengths = 0, 0  # of both
        self._chunk_head = self._chunk_tail = b""  # with what HTTP and the event stream put around them
        self._lessons = MOST_LESSONS

    def text(self, data: bytes) -> str | None:
        """The text of an event that repeats the one that was learned; None where it does not, or none was learned."""
        start, end = self._lengths
        if not end or data[:start] != self._before or data[-end:] != self._behind:
            return None
        try:
            text = orjson.loads(data[start:-end])
        except ValueError:
            return None
        return text if type(text) is str else None

    def text_in_chunk(self, data: bytes) -> str | None:
        """The same of such an event that is a chunk of its own in HTTP's chunked transfer coding, as most servers send
        it: `1f`, CRLF, `data: `, the event, two LF, CRLF. None for whatever is written otherwise."""
        size, tail = data.find(b"\r\n", 1, _LONGEST_SIZE), len(self._chunk_tail)
        start = size + len(self._chunk_head)
        if size < 0 or not tail or data[size:start] != self._chunk_head or data[-tail:] != self._chunk_tail:
            return None
        try:
            is_whole = data[:size].isalnum() and int(data[:size], 16) == len(data) - size - 4
            text = orjson.loads(data[start:-tail]) if is_whole else None
        except ValueError:
            return None
        return text if type(text) is str else None

    def learn(self, data: bytes, event: Mapping[str, Any], text: str) -> None:
        """Learn the event `data`. `event` is the parsed data, which is changed; `text` is its first choice's
        `delta.content`, and nothing else in it matters to the decoder.
        """
        if not self._lessons:
            return
        self._lessons -= 1
        try:
            value = orjson.dumps(text)
        except orjson.JSONEncodeError:
            return  # half a surrogate pair
        start = data.rfind(value)
        before, behind = data[:start], data[start + len(value) :]
        if start < 0 or not behind:
            return
        other = text + "?"
        event["choices"][0]["delta"]["content"] = other
        try:
            certain = orjson.loads(before + orjson.dumps(other) + behind) == event
        except ValueError:
            certain = False  # these bytes stand elsewhere in the event
        if certain:
            self._before, self._behind, self._lengths = before, behind, (len(before), len(behind))
            self._chunk_head, self._chunk_tail = b"\r\ndata: " + before, behind + b"\n\n\r\n"
