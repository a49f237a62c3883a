"""A table [agents.NAME] of parlance.toml: its keys, defaults and bounds."""

import re
from collections.abc import Sequence
from math import inf
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.providers.local.builtin.texts import NAMES
from app.settings.fields import number, switch, text
from app.settings.parlance_toml import NAME

LONGEST_UNATTENDED = 86_400  # seconds
MOST_TEXT = 2000  # characters of a text of the built-in model's
_LANGUAGE_CODE = re.compile("[a-z]{2,3}")
LANGUAGE = validate.Regexp(
    r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}\Z", error="Use a language's tag, such as en, de or pt-BR."
)


def _each_once(names: Sequence[str]) -> None:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValidationError(f"Names {twice[0]!r} twice.")


class ModelNames(fields.Field[list[str]]):
    """One model's name, or a list: later ones are tried when an earlier one refuses."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise ValidationError("Must be a model's name, or a list of such names.")
        _each_once(names)
        return names


class WhenLeft(fields.Field[float]):
    """What becomes of an answer whose callers have left: seconds for which it goes on, infinite for "finish"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if value in ("stop", "finish"):
            return 0 if value == "stop" else inf
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= LONGEST_UNATTENDED:
            return float(value)
        raise ValidationError(f'Must be "stop", "finish", or seconds above 0, at most {LONGEST_UNATTENDED:,}.')


class ClientToolSchema(Schema):
    """A tool that runs at the caller's; `parameters` is a JSON Schema of its arguments."""

    description = text("What the model reads about the tool", required=True)
    parameters = fields.Dict(
        fields.String(),
        load_default=lambda: {"type": "object", "properties": {}},
        metadata={"description": "JSON Schema of the tool's arguments", "default": "no arguments"},
    )


class Texts(fields.Field[dict[str, dict[str, str]]]):
    """The table [agents.NAME.texts]: texts by their names, and tables of such texts by language. Loads into texts by
    language, those for all languages under ""."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, dict[str, str]]:
        if not isinstance(value, dict):
            raise ValidationError("Not a valid mapping type.")
        tables = {language: table for language, table in value.items() if isinstance(table, dict)}
        for_all = {name: text for name, text in value.items() if name not in tables}
        loaded: dict[str, dict[str, str]] = {}
        problems: dict[str, Any] = {}
        for language, table in ({"": for_all} | tables).items():
            wrong = {name: why for name, text in table.items() if (why := _wrong_text(name, text))}
            if language and not _LANGUAGE_CODE.fullmatch(language):
                problems[language] = "Use a language's code, such as en or de, or the name of a text."
            elif wrong:
                problems |= {language: wrong} if language else wrong
            else:
                loaded[language] = table
        if problems:
            raise ValidationError(problems)
        return loaded


def _wrong_text(name: str, value: Any) -> str:
    """What is wrong with a text of the built-in model's, "" where nothing is."""
    if name not in NAMES:
        return f"There is no such text; there are: {', '.join(NAMES)}."
    if not isinstance(value, str) or not 0 < len(value.strip()) <= MOST_TEXT:
        return f"Must be a text of 1 to {MOST_TEXT:,} characters."
    return ""


class AgentSchema(Schema):
    """A table [agents.NAME]. The defaults are those of the engine's `Agent`."""

    name = fields.String(
        validate=validate.Length(1, 100),
        metadata={"description": "Name that callers see, 1 to 100 characters", "default": "the table's NAME"},
    )
    model = ModelNames(
        required=True,
        metadata={
            "description": "The model that answers, or several in the order in which they are tried",
            "type": "name, or list of names",
        },
    )
    instructions = text("System message for the model, used where the caller sends none")
    tools = fields.List(
        fields.String(),
        validate=_each_once,  # models' APIs refuse one that is named twice
        metadata={
            "description": "Tools that the model may call: `calculator`, `clock`, `knowledge`, `stuff`, and those of "
            "`[tools.NAME]`"
        },
    )
    client_tools = fields.Dict(
        fields.String(validate=NAME),
        fields.Nested(ClientToolSchema),
        metadata={"description": "Tools that run in the caller's program (agents wire), each under its name"},
    )
    knowledge = fields.List(
        fields.String(),
        metadata={
            "description": "What answers may come from: files (Markdown, plain text, HTML, PDF, DOCX, CSV of questions "
            "and answers), folders with all such files below them, and patterns (`**` is any number of folders); each "
            "must match at least one file, unless the agent has pages of `flask knowledge add`. "
            "[Knowledge](knowledge.md) has more"
        },
    )
    embeddings = text(
        "Name of a model of the provider `openai` that says by its `/embeddings` what texts mean; passages are then "
        "found by that too"
    )
    language = text(
        "The language in which it answers, as a tag such as `en`, `de` or `pt-BR` (BCP 47). Workflows write numbers as "
        "it does, and take `1,234` and `1.234` for what they are there",
        validate=LANGUAGE,
    )
    texts = Texts(
        metadata={
            "description": "What the built-in model says in place of its own words: texts by their "
            "[names](models.md#what-it-says), for all languages, or in a table by language (`texts.de.unknown`)",
            "type": "table",
        },
    )
    workflow = text("Name of the workflow that every answer follows")
    public = switch("Callers without a credential reach this agent through `/api/chat`; at most one agent is public")
    widget_key_wires = fields.List(
        fields.String(),
        validate=_each_once,
        metadata={
            "description": "Wires beside the widget's that take this agent's widget keys: `agents`, for a page with "
            "the AI SDK. They take from the widget wire's limit there too"
        },
    )
    allow_system = switch("Callers may send system messages, which take the place of `instructions`")
    create_chats = switch(
        "A question to a chat that does not exist begins it, under the id that it was asked by (chats wire): for pages "
        "that make the ids of their chats themselves. Otherwise it is 404"
    )
    show_tools = switch("The widget wire shows tool calls and their results, the workers wire the calls")
    client_history = switch("The agents wire takes a conversation's history from the caller, not from the store")
    stream_format = text(
        "How the agents wire streams where the caller does not say", validate=validate.OneOf(["sse", "ndjson"])
    )
    when_left = WhenLeft(
        metadata={
            "description": "What becomes of an answer whose caller has left, or the last of those who listened to it: "
            "it ends (`stop`), is made to its end (`finish`), or goes on for so long. With `finish` nobody who leaves "
            "saves anything: `max_tokens` and `answer_seconds` end such answers, and they count as running",
            "type": "`stop`, `finish`, or number above 0, at most 86,400",
            "unit": "seconds",
            "default": '`"stop"`',
        }
    )
    max_tokens = number("The most that one answer may have, over all its rounds", "tokens", validate.Range(1))
    max_rounds = number(
        "How often the model may be asked within one answer: once, and once more after each round of tool calls",
        "rounds",
        validate.Range(1, 50),
    )
    history_messages = number(
        "The most messages of a conversation that a model sees", "messages", validate.Range(1, 1000)
    )
    history_tokens = number(
        "The most of a conversation that a model sees, estimated at 4 bytes for a token and 4 tokens for each message",
        "tokens",
        validate.Range(1, 10_000_000),
    )
