"""Questions, in Chatbase's short form or the AI SDK's, and what else belongs to an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema

from app.engine.messages import MOST_DEPTH, text_message
from app.schemas.fields import BoundedList, Flag
from app.tools.toolbox import MOST_RESULT_BYTES
from app.web.requests.query import load
from app.web.requests.question import MOST_MESSAGES
from app.wires.agents.ui_message import UIMessage, UIMessageSchema, check_output

Trigger = Literal["submit-message", "regenerate-message"]
MOST_CALL_ID = 1024  # characters: models' own ids of calls are kept as they came
_ID = validate.Length(1, 128)
_MAY_BE_NULL = ("message", "messages", "trigger")
_UI_MESSAGE = UIMessageSchema()  # once: it takes longer than its use


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """`from_sdk` tells which of the two it was. `chat_id` is the caller's own name for the conversation. `earlier` is
    what was posted before the last message, which nobody has looked at: see `load_earlier`. `place` is the
    last message's. Without a `last` message the last answer of the conversation goes on with the results that were
    brought."""

    last: UIMessage | None
    earlier: Sequence[Any]
    from_sdk: bool
    stream: bool
    conversation_id: str | None
    user_id: str | None
    chat_id: str | None
    trigger: Trigger
    message_id: str | None
    place: str


class _Message(fields.Field[UIMessage]):
    """A string, or one UI message."""

    described = {"oneOf": [{"type": "string", "pattern": r"^\s*\S"}, UIMessageSchema]}  # noqa: RUF012 - read only

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> UIMessage:
        if isinstance(value, str):
            if not value.strip():
                raise ValidationError("Must not be blank.")
            return UIMessage(None, text_message("user", value))
        if not isinstance(value, dict):
            raise ValidationError("Must be a text, or a UI message.")
        loaded: UIMessage = _UI_MESSAGE.load(value)
        return loaded


class _Messages(fields.Field[list[Any]]):
    """A conversation, of which only the last message is looked at."""

    described = {"type": "array", "items": UIMessageSchema, "minItems": 1}  # noqa: RUF012 - read only

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("Not a valid list.")
        if not value:
            raise ValidationError("Shorter than minimum length 1.")
        try:
            return [*value[:-1], _UI_MESSAGE.load(value[-1])]
        except ValidationError as error:
            raise ValidationError({len(value) - 1: error.messages}) from error


class EarlierSchema(Schema):
    """What was posted before the last message, where the model gets to see it."""

    messages = BoundedList(fields.Nested(UIMessageSchema), validate.Length(max=MOST_MESSAGES - 1))


def load_earlier(body: ChatRequest) -> list[UIMessage]:
    """The messages before the last one. Raises ChatError(INVALID)."""
    loaded: list[UIMessage] = load(EarlierSchema, {"messages": body.earlier})["messages"]
    return loaded


class ChatRequestSchema(Schema):
    class Meta:
        unknown = EXCLUDE  # pages add fields of their own to what the SDK sends
        described = {  # noqa: RUF012 - read only
            "oneOf": [
                {"required": ["message"]},
                {"required": ["messages"]},
                {
                    "required": ["conversationId"],
                    "not": {"anyOf": [{"required": [name]} for name in ("message", "messages", "trigger")]},
                },
            ]
        }

    message = _Message(
        metadata={
            "description": "Left out beside `conversationId`: the answer goes on with the results that were brought"
        }
    )
    messages = _Messages(
        metadata={
            "description": "Only the last one is new. Those before it are looked at where the agent has "
            f"`client_history`; then there may be {MOST_MESSAGES} in all"
        }
    )
    stream = Flag(load_default=True)
    conversation_id = fields.String(
        data_key="conversationId",
        allow_none=True,
        load_default=None,
        validate=_ID,
        metadata={"description": "Continue this one"},
    )
    user_id = fields.String(
        data_key="userId",
        allow_none=True,
        load_default=None,
        validate=validate.Regexp(
            r"[a-zA-Z0-9._-]{1,128}\Z", error="Use 1 to 128 letters, digits, dots, dashes, underscores."
        ),
        metadata={"description": "Whom a new conversation is with"},
    )
    id = fields.String(
        allow_none=True,
        load_default=None,
        validate=_ID,
        metadata={"description": "The page's own name for the conversation"},
    )
    trigger = fields.String(
        load_default="submit-message", validate=validate.OneOf(["submit-message", "regenerate-message"])
    )
    message_id = fields.String(
        data_key="messageId",
        allow_none=True,
        load_default=None,
        validate=_ID,
        metadata={"description": "Which one is edited, or answered again"},
    )

    @pre_load
    def without_null(self, data: Any, **_: Any) -> Any:
        """Some languages' encoders write null for a message that is left out."""
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if value is not None or name not in _MAY_BE_NULL}

    @validates_schema(skip_on_field_errors=True, pass_original=True)
    def one_form(self, data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        if (
            "message" not in data
            and "messages" not in data
            and data["conversation_id"]
            and not _names_trigger(original)
        ):
            return
        if ("message" in data) == ("messages" in data):
            raise ValidationError("Exactly one of message and messages is needed.", "message")
        last: UIMessage = data["message"] if "message" in data else data["messages"][-1]
        place = "message" if "message" in data else "messages"
        if last.refused:
            index = f".{len(data['messages']) - 1}" if "messages" in data else ""
            raise ValidationError({f"{place}{index}.{part}": [why] for part, why in last.refused.items()})
        if last.message.role == "system":
            raise ValidationError("The last message must be the user's, or an answer with tool outputs.", place)
        if last.message.role == "user":
            if not last.message.text.strip() and not last.images:
                raise ValidationError("The message must not be blank.", place)
        elif data["trigger"] == "submit-message" and not (last.id and last.results):
            raise ValidationError("An assistant's message brings nothing new without tool outputs.", place)

    @post_load(pass_original=True)
    def make(self, data: dict[str, Any], original: Mapping[str, Any], **_: Any) -> ChatRequest:
        *earlier, last = data.get("messages") or [data.get("message")]
        return ChatRequest(
            last=last,
            earlier=earlier,
            from_sdk=_names_trigger(original) or "messages" in data or isinstance(original.get("message"), dict),
            stream=data["stream"],
            conversation_id=data["conversation_id"],
            user_id=data["user_id"],
            chat_id=data["id"],
            trigger=data["trigger"],
            message_id=data["message_id"],
            place=f"messages.{len(earlier)}" if "messages" in data else "message",
        )


def _names_trigger(body: Mapping[str, Any]) -> bool:
    return body.get("trigger") is not None


class RetrySchema(Schema):
    class Meta:
        unknown = EXCLUDE

    message_id = fields.String(
        required=True, data_key="messageId", validate=_ID, metadata={"description": "The answer to be replaced"}
    )
    stream = Flag(load_default=True)


class ToolResultSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    call_id = fields.String(required=True, data_key="toolCallId", validate=validate.Length(1, MOST_CALL_ID))
    output = fields.Raw(
        load_default=None,
        allow_none=True,
        metadata={"description": f"Any JSON: {MOST_RESULT_BYTES} bytes, {MOST_DEPTH} levels"},
    )

    @validates_schema
    def bounded(self, data: Mapping[str, Any], **_: Any) -> None:
        check_output(data["output"], "output")
