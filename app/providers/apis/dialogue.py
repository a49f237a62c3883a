"""A prompt's dialogue as every API takes it. What one of them refuses is sent to none: a conversation may go on with
another model, and a server often stands in front of another one.

- User and assistant in turn (templates of many models), a user's message first (Bedrock), and such a one or results of
  tools last: Mistral and newer models of Anthropic's continue no text (smallmain/vscode-unify-chat-provider#249).
- Text between the results of tools and the next question (Mistral: nicholasgriffintn/ai-platform#414).
- No blank text (Anthropic, Bedrock: NousResearch/hermes-agent#63983).
- Ids and names of calls as in call_names.py, and a definition for each tool that has been called (Bedrock:
  pydantic/pydantic-ai#1966).
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, takewhile
from typing import Any

import orjson

from app.engine.agent import ToolSpec
from app.engine.messages import (
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    text_message,
)
from app.engine.prompt import Prompt
from app.providers.apis.call_names import accepted_ids, accepted_name

NO_WORDS = "(no text)"  # for a user's message without any
NO_OUTPUT = "(no output)"  # for a result that is blank text
IMAGE = "(an image)"
NO_ANSWER = "(no answer)"  # for an answer that ended with results of tools

_GONE = "Not available any more: do not call it."
_GONE_PARAMETERS = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
}  # Gemini refuses none, Mistral no object


def dialogue_of(prompt: Prompt, *, images: bool = False) -> list[Message]:
    """The messages but for the system's, as they are to be sent. Its calls have their results, as the prompt's have.
    A model that takes no `images` is told where in the conversation one was shown to another model."""
    messages = [message for message in prompt.messages if message.role != "system"]
    turns = list(_turns(messages if images else map(_without_images, messages)))
    for number, turn in enumerate(turns[:-1]):
        if isinstance(turn.parts[-1], ToolResultPart):
            turns[number] = replace(turn, parts=(*turn.parts, TextPart(NO_ANSWER)))
    if not turns or turns[0].role == "assistant":
        turns.insert(0, text_message("user", NO_WORDS))
    if turns[-1].role == "assistant" and not isinstance(turns[-1].parts[-1], ToolResultPart):
        turns.append(text_message("user", NO_WORDS))
    return _with_accepted_calls(turns, {tool.name for tool in prompt.tools})


def system_of(prompt: Prompt) -> str:
    """The system's text; "" where there is none, or nothing but blanks."""
    return _joined(message.text for message in prompt.messages if message.role == "system")


def tools_of(prompt: Prompt, dialogue: Sequence[Message]) -> list[ToolSpec]:
    """The prompt's tools, and one for each further tool that the dialogue names."""
    called = (part.name for message in dialogue for part in message.parts if isinstance(part, ToolCallPart))
    known = {tool.name for tool in prompt.tools}
    gone = [ToolSpec(name, _GONE, _GONE_PARAMETERS) for name in dict.fromkeys(called) if name not in known]
    return [*prompt.tools, *gone]


def _turns(messages: Iterable[Message]) -> Iterator[Message]:
    """Neighbours of one role as one message: questions to which no answer came, each once; answers one behind the
    other. Answers without anything in them are left out."""
    said = ((message, _parts(message)) for message in messages)
    heard = ((message, parts) for message, parts in said if parts or message.role == "user")
    for role, neighbours in groupby(heard, lambda each: each[0].role):
        if role == "user":
            asked = [tuple(parts) for _, parts in neighbours if parts]
            latest = [*dict.fromkeys(reversed(asked))][::-1]  # each where it was asked last
            merged = _parts(Message("user", tuple(_one_behind_the_other(latest))))
            yield Message("user", tuple(merged) or (TextPart(NO_WORDS),))
        else:
            yield Message(role, tuple(_one_behind_the_other([parts for _, parts in neighbours])))


def _without_images(message: Message) -> Message:
    """The same where it has none; else its texts with the word for each image, as one text."""
    if not any(isinstance(part, ImagePart) for part in message.parts):
        return message
    words = [part.text if isinstance(part, TextPart) else IMAGE for part in message.parts]
    return text_message(message.role, _joined(words))


def _parts(message: Message) -> list[Part]:
    """The parts, with neighbouring texts as one; without blank ones, thoughts that the model is not to get back, and
    thoughts with neither words nor calls beside them."""
    parts: list[Part] = []
    told = (part for part in message.parts if not isinstance(part, ReasoningPart) or part.metadata)
    for is_text, neighbours in groupby(told, lambda part: isinstance(part, TextPart)):
        if not is_text:
            parts += neighbours
            continue
        text = "".join(part.text for part in neighbours if isinstance(part, TextPart))
        if text.strip():
            parts.append(TextPart(text))
    thoughts = [*takewhile(lambda part: isinstance(part, ReasoningPart), reversed(parts))]
    said = parts[: len(parts) - len(thoughts)]
    return parts if said and not isinstance(said[-1], ToolResultPart) else said


def _one_behind_the_other(answers: Sequence[Sequence[Part]]) -> Iterator[Part]:
    last: Part | None = None
    for parts in answers:
        first, *others = parts
        if isinstance(last, TextPart) and isinstance(first, TextPart):
            first = TextPart(f"\n\n{first.text}")
        yield from (first, *others)
        last = parts[-1]


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(text for text in texts if text.strip())


def _with_accepted_calls(messages: Sequence[Message], known: set[str]) -> list[Message]:
    stored = [part.call_id for message in messages for part in message.parts if isinstance(part, ToolCallPart)]
    accepted = iter(accepted_ids(stored))
    waiting: defaultdict[str, deque[str]] = defaultdict(deque)  # stored id -> ids of calls whose results are to come

    def with_accepted_call(part: Part) -> Part:
        if isinstance(part, ToolCallPart):
            call_id = next(accepted)
            waiting[part.call_id].append(call_id)
            return replace(part, call_id=call_id, name=accepted_name(part.name, known))
        if isinstance(part, ToolResultPart):
            return replace(part, call_id=waiting[part.call_id].popleft(), name=accepted_name(part.name, known))
        return part

    return [replace(message, parts=tuple(map(with_accepted_call, message.parts))) for message in messages]


def rounds_of(said: Sequence[Part]) -> Iterator[tuple[list[Part], list[ToolResultPart]]]:
    """What was said in each round of an answer, and its results."""
    parts: list[Part] = []
    results: list[ToolResultPart] = []
    for part in said:
        if results and not isinstance(part, ToolResultPart):
            yield parts, results
            parts, results = [], []
        if isinstance(part, ToolResultPart):
            results.append(part)
        else:
            parts.append(part)
    yield parts, results


def result_text(result: Any) -> str:
    """A tool's result as the APIs take it: text as it is, unless it is blank; any other JSON value as its JSON."""
    if isinstance(result, str):
        return result if result.strip() else NO_OUTPUT
    return orjson.dumps(result).decode()
