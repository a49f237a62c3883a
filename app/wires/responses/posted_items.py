"""The items that are posted, behind what was said before, as the engine's messages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError

from app.engine.messages import Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, text_message
from app.web.requests.images import image_part
from app.web.requests.posted import Conversation, Posted, call_arguments, conversation
from app.web.requests.sealed import unsealed
from app.wires.responses.items import COMPACTION

Entry = Mapping[str, Any]
Referenced = Callable[[str, str], Part]
"""What an item's id names; also takes the place in the request. Raises ChatError."""

_ASSISTANTS = ("output_text", "input_text", "text")
_MOST_ID = 256
MOST_REFERENCES = 64  # each is looked up
_BEFORE = "What was said before, in short:\n\n"


@dataclass(frozen=True, slots=True)
class PostedInput:
    """`system` and `images` are the places of those that were posted, such as `input.0.role`."""

    said: Conversation
    system: tuple[str, ...]
    images: tuple[str, ...]


def read_items(items: Sequence[Entry], before: Sequence[Message], referenced: Referenced) -> PostedInput:
    """Raises ValidationError, for the item that is wrong."""
    reader = _read(items, before, referenced)
    messages = reader.messages()
    spoken = [message for message in messages if message.role != "system"]
    if spoken and spoken[-1].role != "user" and not isinstance(spoken[-1].parts[-1], ToolResultPart):
        raise ValidationError("The last item must be the user's message, or the output of a call.", "input")
    try:
        said = conversation(messages)
    except ValidationError as error:
        raise ValidationError(error.messages, "input") from error
    return PostedInput(said, tuple(reader.system), tuple(reader.images))


def read_window(items: Sequence[Entry], before: Sequence[Message], referenced: Referenced, last: str) -> PostedInput:
    """The same with a `last` question of ours, whatever the items end with."""
    reader = _read(items, before, referenced)
    said = conversation([*reader.messages(), text_message("user", last)])
    return PostedInput(said, tuple(reader.system), tuple(reader.images))


def _read(items: Sequence[Entry], before: Sequence[Message], referenced: Referenced) -> "_Reader":
    reader = _Reader(before, referenced)
    for index, item in enumerate(items):
        reader.add(f"input.{index}", item)
    return reader


class _Reader:
    def __init__(self, before: Sequence[Message], referenced: Referenced) -> None:
        self._posted = Posted(before)
        self.system: list[str] = []
        self.images: list[str] = []
        self._referenced = referenced
        self._names: set[str] = set()

    def messages(self) -> list[Message]:
        return self._posted.messages()

    def add(self, place: str, item: Entry) -> None:
        match item.get("type", "message"):
            case "message":
                self._add_message(place, item)
            case "function_call":
                call_id, name = _string(item, "call_id", place), _string(item, "name", place)
                arguments = call_arguments(item.get("arguments"), f"{place}.arguments")
                self._add_said([ToolCallPart(call_id, name, arguments)])
            case "function_call_output":
                call_id, output = _string(item, "call_id", place), _texts(item, "output", place)
                self._posted.result(call_id, output, f"{place}.call_id")
            case "reasoning":
                summary = "".join(_summaries(item, place))
                metadata = unsealed(str(item.get("encrypted_content") or ""))
                self._add_said([ReasoningPart(summary, metadata, shown=bool(summary))])
            case "item_reference":
                self._add_said([self._named(_string(item, "id", place), f"{place}.id")])
            case "compaction":
                self._posted.say(_summary(item, place))
            case kind:
                raise ValidationError(f"Items of the type {str(kind)[:64]!r} are not understood.", f"{place}.type")

    def _named(self, item_id: str, place: str) -> Part:
        """A few bytes name as much as an answer has: each once, and not many."""
        if item_id in self._names:
            raise ValidationError("The item is referred to twice.", place)
        self._names.add(item_id)
        if len(self._names) > MOST_REFERENCES:
            raise ValidationError(f"More than {MOST_REFERENCES} items are referred to.", place)
        return self._referenced(item_id, place)

    def _add_said(self, parts: Sequence[Part]) -> None:
        """What stands together was said together."""
        self._posted.answer(parts, joins=True)

    def _add_message(self, place: str, item: Entry) -> None:
        match item.get("role"):
            case "assistant":
                self._add_said([TextPart(_texts(item, "content", place))])
            case "user":
                self._posted.say(Message("user", tuple(self._asked(place, item))))
            case "system" | "developer":
                self.system.append(f"{place}.role")
                self._posted.say(Message("system", (TextPart(_texts(item, "content", place)),)))
            case _:
                raise ValidationError("Must be user, assistant, system or developer.", f"{place}.role")

    def _asked(self, place: str, item: Entry) -> Iterator[Part]:
        for where, part in _placed(item, "content", place):
            match part:
                case {"type": "input_text" | "text", "text": str(text)}:
                    yield TextPart(text)
                case {"type": "input_image", "image_url": str(url)}:
                    self.images.append(where)
                    try:
                        yield image_part(url, str(part.get("detail") or ""))
                    except ValidationError as error:
                        raise ValidationError(error.messages, f"{where}.image_url") from error
                case {"type": "input_image"}:
                    raise ValidationError("Files are not taken: send an address, or a data URL.", where)
                case _:
                    raise ValidationError("Only text and images are taken.", f"{where}.type")


def _placed(item: Entry, field: str, place: str) -> list[tuple[str, Any]]:
    """A text, or the parts of a list, with their places."""
    content = item.get(field)
    if isinstance(content, str):
        return [(f"{place}.{field}", {"type": "input_text", "text": content})]
    if not isinstance(content, list):
        raise ValidationError("Must be a text, or a list of parts.", f"{place}.{field}")
    return [(f"{place}.{field}.{index}", part) for index, part in enumerate(content)]


def _texts(item: Entry, field: str, place: str) -> str:
    texts = []
    for where, part in _placed(item, field, place):
        match part:
            case {"type": str(kind), "text": str(text)} if kind in _ASSISTANTS:
                texts.append(text)
            case {"type": "refusal", "refusal": str(text)}:
                texts.append(text)
            case _:
                raise ValidationError("Only text may stand here.", f"{where}.type")
    return "".join(texts)


def _summaries(item: Entry, place: str) -> Iterator[str]:
    summary = item.get("summary") or []
    for index, part in enumerate(summary if isinstance(summary, list) else [None]):
        match part:
            case {"text": str(text)}:
                yield text
            case _:
                raise ValidationError("Not a text of a summary.", f"{place}.summary.{index}")


def _summary(item: Entry, place: str) -> Message:
    """Of what was said before, as `compaction_item` has it."""
    metadata = unsealed(_text(item, "encrypted_content", place))
    if metadata is None or metadata.model != COMPACTION:
        raise ValidationError("Not of this server.", f"{place}.encrypted_content")
    return text_message("user", f"{_BEFORE}{metadata.value['summary']}")


def _text(item: Entry, name: str, place: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise ValidationError("Not a valid string.", f"{place}.{name}")
    return value


def _string(item: Entry, name: str, place: str) -> str:
    value = _text(item, name, place)
    if not 0 < len(value) <= _MOST_ID:
        raise ValidationError("Not a valid string.", f"{place}.{name}")
    return value
