"""Thoughts that a model writes into its text, between `<think>` and `</think>` at the start of the answer.

So do DeepSeek R1, Qwen3, MiniMax M2 and others where their server has no reasoning parser. The chat templates of some
write the opening tag into the prompt, and it is missing in the answer: deepseek-ai/DeepSeek-R1#352,
vllm-project/vllm#13125.
"""

from collections.abc import Callable, Collection
from typing import Any

from marshmallow import ValidationError, fields

from app.engine.chunks import Chunk, ModelFinished
from app.engine.events import ReasoningDelta, TextDelta
from app.providers.apis.openai_decoder import OpenAIDecoder

OPENING, CLOSING = "<think>", "</think>"
MOST_KEPT = 1024 * 1024  # characters of thoughts that may turn out to be the answer
MOST_BLANKS = 256  # characters in front of the opening tag


class ThinkTagsField(fields.Field[Any]):
    """True, "opened" or False."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if value is True or value is False or value == "opened":
            return value
        raise ValidationError('Must be true, "opened" or false.')


class ThinkTags:
    """Tells thoughts from text, which comes in pieces that may be cut anywhere. `is_over`: what follows is text.

    Where the prompt has `opened` the thoughts, all is a thought up to the closing tag. Without one the model has
    answered without thinking, if it has ended by itself: what was told as thoughts is then told as the answer, too.
    """

    def __init__(self, *, opened: bool) -> None:
        self._opened = opened
        self._step: Callable[[str], list[Chunk]] = self._before
        self._held = ""  # what may be the beginning of a tag, or is blank
        self._kept: list[str] = []
        self._room = MOST_KEPT
        self.is_over = False

    def feed(self, text: str) -> list[Chunk]:
        """The chunks that are certain with the next piece of text."""
        text, self._held = self._held + text, ""
        return self._step(text)

    def finish(self, last: ModelFinished) -> list[Chunk]:
        """The chunks that are left."""
        left: list[Chunk] = []
        if self._step == self._inside:
            self._think(left, self._held)
            if self._opened and last.finish_reason == "stop" and self._kept and self._room >= 0:
                left.append(TextDelta("".join(self._kept)))
        elif self._held and not self.is_over:
            left.append(TextDelta(self._held))
        return left

    def _before(self, text: str) -> list[Chunk]:
        written = text.lstrip()
        if written.startswith(OPENING):
            self._step = self._inside
            return self._inside(written.removeprefix(OPENING))
        if OPENING.startswith(written) and len(text) <= MOST_BLANKS:
            self._held = text
            return []
        if self._opened:
            self._step = self._inside
            return self._inside(text)
        self.is_over = True
        return [TextDelta(text)]

    def _inside(self, text: str) -> list[Chunk]:
        chunks: list[Chunk] = []
        thought, closing, rest = text.partition(CLOSING)
        if closing:
            self._think(chunks, thought)
            self._step = self._behind
            return chunks + self._behind(rest)
        lengths = range(min(len(text), len(CLOSING) - 1), 0, -1)
        held = next((length for length in lengths if CLOSING.startswith(text[-length:])), 0)
        self._held = text[len(text) - held :]
        self._think(chunks, text[: len(text) - held])
        return chunks

    def _behind(self, text: str) -> list[Chunk]:
        written = text.lstrip()
        if not written:
            return []
        self.is_over = True
        return [TextDelta(written)]

    def _think(self, chunks: list[Chunk], thought: str) -> None:
        """Blanks in front of thoughts are none: some models that do not think write an empty pair of tags."""
        if not self._kept:
            thought = thought.lstrip()
        if thought:
            self._room -= len(thought)
            if self._room >= 0:
                self._kept.append(thought)
            chunks.append(ReasoningDelta(thought))


class TaggedDecoder(OpenAIDecoder):
    """The decoder of a model whose text begins with thoughts between tags."""

    def __init__(self, tools: Collection[str], *, reasons: bool, opened: bool) -> None:
        super().__init__(tools, reasons=reasons)
        self._tags = ThinkTags(opened=opened)

    def event(self, data: bytes) -> list[Chunk] | None:
        said = super().event(data)
        if not said:
            return said
        chunks = self._apart(said)
        if self._tags.is_over:
            self.event = super().event  # type: ignore[method-assign]  # nothing more is looked for
        return chunks

    def text_in_chunk(self, data: bytes) -> str | None:
        return super().text_in_chunk(data) if self._tags.is_over else None

    def whole(self, data: bytes) -> list[Chunk]:
        return self._apart(super().whole(data))

    def finish(self) -> list[Chunk]:
        chunks = super().finish()
        last = chunks[-1]
        assert isinstance(last, ModelFinished)
        return [*self._tags.finish(last), *chunks]

    def _apart(self, said: list[Chunk]) -> list[Chunk]:
        chunks: list[Chunk] = []
        for chunk in said:
            if isinstance(chunk, TextDelta) and not self._tags.is_over:
                chunks += self._tags.feed(chunk.text)
            else:
                chunks.append(chunk)
        return chunks
