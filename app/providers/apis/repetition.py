"""A short cut through a stream's JSON: most events repeat the one before in everything but their text.

Parsing what is known already is the largest part of a token's own work. So the bytes in front of and behind the text
are kept; where an event has both, only the string between them is parsed. Replacing one JSON value by another changes
nothing else of a document, so what is read this way is what parsing the whole would give.
"""

from collections.abc import Mapping
from typing import Any

import orjson

MOST_LESSONS = 3  # of one stream; servers that vary every event would have each one learnt in vain


class Repetition:
    """Of one stream of OpenAI's chat completions."""

    def __init__(self) -> None:
        self._before = self._behind = b""
        self._lengths = 0, 0
        self._lessons = MOST_LESSONS

    def text(self, data: bytes) -> str | None:
        """The text of an event that is like the one that was learnt; None where it is not, or none was."""
        start, end = self._lengths
        if not end or data[:start] != self._before or data[-end:] != self._behind:
            return None
        try:
            text = orjson.loads(data[start:-end])
        except ValueError:
            return None
        return text if type(text) is str else None

    def learn(self, data: bytes, event: Mapping[str, Any], text: str) -> None:
        """`event` is `data` parsed; it holds nothing new but `text`, in the first choice's `delta.content`."""
        if not self._lessons:
            return
        self._lessons -= 1
        value = orjson.dumps(text)
        start = data.rfind(value)
        before, behind = data[:start], data[start + len(value) :]
        if start < 0 or not behind:
            return
        other = text + "?"
        event["choices"][0]["delta"]["content"] = other
        try:
            certain = orjson.loads(before + orjson.dumps(other) + behind) == event
        except ValueError:
            certain = False  # what was found is not the value
        if certain:
            self._before, self._behind, self._lengths = before, behind, (len(before), len(behind))
