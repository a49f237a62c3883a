"""A message that is posted to create a completion, and the calls of tools that it may have."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from app.schemas.fields import MOST_MISTAKES, BoundedList
from app.schemas.lenient import LenientSchema, TextOrParts
from app.web.requests.caller_tools import NAME, NAMED, NAMES
from app.wires.openai.conversation import SYSTEM

MOST_ID = 256  # characters
ID = validate.Length(1, MOST_ID)
FUNCTIONS_ALONE = {"description": "Nothing else can be called"}
_MOST_CALLS = 128
_FUNCTION = (None, "function")  # the type of a call, which need not be said
_ROLES = [*SYSTEM, "user", "assistant", "tool"]


class FunctionCallSchema(LenientSchema):
    name = fields.String(required=True, validate=NAME, metadata=NAMED)
    arguments = fields.String(load_default="", metadata={"description": "A JSON object, as text"})


class CallSchema(LenientSchema):
    id = fields.String(required=True, validate=ID, metadata={"description": "By which its result names it"})
    type = fields.String(load_default="function", validate=validate.OneOf(["function"]), metadata=FUNCTIONS_ALONE)
    function = fields.Nested(FunctionCallSchema, required=True, metadata={"description": "What was called"})


class Calls(BoundedList):
    """Calls of functions, as CallSchema describes them, which takes its time for each: there may be thousands. So it
    looks at those alone that are wrong, for the words."""

    _schema = CallSchema()

    def __init__(self, **options: Any) -> None:
        super().__init__(fields.Nested(CallSchema), validate.Length(max=_MOST_CALLS), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        self._length(value)
        wrong = [index for index, call in enumerate(value) if not is_call(call)]
        if wrong:
            raise ValidationError({index: self._schema.validate(value[index]) for index in wrong[:MOST_MISTAKES]})
        return value


def is_call(value: Any) -> bool:
    """Whether CallSchema takes it."""
    function = value.get("function") if isinstance(value, dict) else None
    if not isinstance(function, dict):
        return False
    call_id, name, arguments = value.get("id"), function.get("name"), function.get("arguments")
    is_named = isinstance(call_id, str) and 0 < len(call_id) <= MOST_ID and isinstance(name, str) and NAMES.match(name)
    return bool(is_named) and (arguments is None or isinstance(arguments, str)) and value.get("type") in _FUNCTION


class PostedMessageSchema(LenientSchema):
    role = fields.String(required=True, validate=validate.OneOf(_ROLES), metadata={"description": "Whose it is"})
    content = TextOrParts(metadata={"description": "May be null or left out beside `tool_calls`"})
    tool_calls = Calls(metadata={"description": "Of an assistant's message: the calls that it made"})
    tool_call_id = fields.String(
        validate=ID, metadata={"description": "Of a tool's message, which needs it: the call that it is the result of"}
    )

    @validates_schema(skip_on_field_errors=True)
    def as_its_role_has_it(self, data: Mapping[str, Any], **_: Any) -> None:
        role = data["role"]
        if data.get("content") is None and not (role == "assistant" and data.get("tool_calls")):
            raise ValidationError("Missing data for required field.", "content")
        if role == "tool" and "tool_call_id" not in data:
            raise ValidationError("Missing data for required field.", "tool_call_id")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"content": None, **data}
