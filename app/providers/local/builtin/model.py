"""The built-in model as the engine's port, word by word."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from marshmallow import Schema, fields, validate

from app.engine.chunks import Chunk, ModelFinished
from app.engine.events import TextDelta, ToolCalled
from app.engine.messages import FinishReason, Usage
from app.engine.needs import Need
from app.engine.ports import Stream
from app.engine.prompt import Prompt
from app.providers.local.builtin.rules import Said, answer
from app.providers.local.player import Cue, Pause, Player, Say

_MOST_WORDS = 1000  # of an answer
# Between blanks, or two characters of a script that has none.
_WORD = re.compile(r"\s*(?:[\u3040-\u30ff\u3400-\u9fff]{1,2}|[^\s\u3040-\u30ff\u3400-\u9fff]+)")


class BuiltinOptions(Schema):
    pace = fields.Float(
        load_default=0.02,
        validate=validate.Range(0, 10),
        metadata={"description": "Pause after each word; a word counts as one token", "unit": "seconds"},
    )


class BuiltinModel:
    """Implements the engine's `Model` port. A word counts as one token."""

    takes: frozenset[Need] = frozenset()

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._pace: float = options["pace"]

    def open(self, prompt: Prompt, heartbeat: float) -> Stream[Chunk]:
        given = answer(prompt)
        prompt_tokens = sum(len(message.text.split()) for message in prompt.messages)
        if isinstance(given, ToolCalled):
            cues: Iterator[Cue] = iter([Say([given, ModelFinished("tool-calls", Usage(prompt_tokens, 0))])])
        else:
            cues = self._speak(given, prompt.options.max_tokens, prompt_tokens)
        return Player(cues, heartbeat)

    def _speak(self, said: Said, max_tokens: int | None, prompt_tokens: int) -> Iterator[Cue]:
        most = min(max_tokens or _MOST_WORDS, _MOST_WORDS)
        words = [match[0] for match in islice(_WORD.finditer(said.text), most + 1)]
        spoken = words[:most]
        for word in spoken:
            yield Say([TextDelta(word)])
            yield Pause(self._pace)
        reason: FinishReason = "stop" if len(spoken) == len(words) else "length"
        yield Say([ModelFinished(reason, Usage(prompt_tokens, len(spoken)), said.mark)])
