"""Objects within what is posted to create a response: tools, which of them are called, and what the answer is to be."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from app.engine.agent import AnswerFormat, ToolChoice, ToolSpec
from app.schemas.fields import Flag
from app.schemas.lenient import AS_HEEDED, LenientSchema, ignored, only
from app.web.requests.caller_tools import NAME, NAMED, SHAPED, ToolParameters

_EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh"]


class ToolSchema(LenientSchema):
    class Meta(LenientSchema.Meta):
        include = {"async": only([False], "What a call has returned is waited for.")}  # noqa: RUF012 - read only

    type = fields.String(
        required=True,
        validate=validate.OneOf(["function"], error="Only functions can be called."),
        metadata={"description": "Nothing else can be called"},
    )
    name = fields.String(required=True, validate=NAME, metadata=NAMED)
    description = fields.String(load_default="", metadata={"description": "What the model is told of it"})
    parameters = ToolParameters(load_default=dict, metadata=SHAPED)
    allowed_callers = ignored("models call tools directly")
    defer_loading = ignored("the model is told of all tools")
    output_schema = ignored("results are as the caller makes them")
    strict = ignored("arguments are as the model makes them")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ToolSpec:
        return ToolSpec(data["name"], data["description"], data["parameters"])


class ToolChoiceField(fields.Field[ToolChoice]):
    """`none`, `auto`, `required`, or the function that is to be called."""

    described = {  # noqa: RUF012 - read only
        "oneOf": [{"enum": ["none", "auto", "required"]}, {"type": "object", "required": ["type", "name"]}]
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> ToolChoice:
        match value:
            case "none" | "auto" | "required":
                return ToolChoice(value)
            case {"type": "function", "name": str(name)}:
                return ToolChoice("required", name)
        raise ValidationError("Must be none, auto, required, or a function's name.")


class FormatSchema(LenientSchema):
    type = fields.String(
        required=True,
        validate=validate.OneOf(["text", "json_object", "json_schema"]),
        metadata={"description": "Prose, any JSON object, or one of a schema"},
    )
    name = fields.String(validate=NAME, metadata={"description": "Needed with the type `json_schema`"})
    schema = ToolParameters(metadata={"description": f"Needed with the type `json_schema`. {SHAPED['description']}"})
    description = fields.String(load_default="", metadata={"description": "What the model is told of it"})
    strict = Flag(load_default=None, metadata={"description": "Passed on to the model"})

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> AnswerFormat | None:
        if data["type"] != "json_schema":
            return AnswerFormat() if data["type"] == "json_object" else None
        missing = [name for name in ("name", "schema") if name not in data]
        if missing:
            raise ValidationError("Missing data for required field.", missing[0])
        return AnswerFormat(data["schema"], data["name"], data["description"], data["strict"])


class TextSchema(LenientSchema):
    format = fields.Nested(FormatSchema, load_default=None, metadata={"description": "What the answer is"})
    verbosity = only(["medium"], "Not heeded: say it in the instructions.")


class ReasoningSchema(LenientSchema):
    effort = fields.String(load_default=None, validate=validate.OneOf(_EFFORTS), metadata=AS_HEEDED)
    summary = fields.String(
        load_default=None,
        validate=validate.OneOf(["auto", "concise", "detailed"]),
        metadata={"description": "Told again; thoughts that a model shows are told in any case"},
    )
    context = only(["auto"], "Which thoughts a model is shown again is not chosen by requests.")
    mode = only(["standard"], "Not heeded: use effort.")
    generate_summary = ignored("thoughts that a model shows are told in any case")
