"""Reads events that differ from an earlier one in nothing but their text, without parsing all of their JSON.

Most events of a stream are so, and parsing is the largest part of a token's own work. The bytes before and after the
text are kept; of an event that begins and ends with them, only the string between them is parsed. Replacing one JSON
value by another changes nothing else of a document, so the result is what parsing the whole event would give.
"""

from collections.abc import Mapping
from typing import Any

import orjson

MOST_LESSONS = 3  # learned in one stream: a server that varies every event would have each one learned in vain


class Repetition:
    """The repetition in one stream of OpenAI's chat completions."""

    def __init__(self) -> None:
        self._before = self._behind = b""  # the bytes around the text in the event that was learned
        self._lengths = 0, 0  # of both
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
