"""What a caller gets, for the reference: a response, its items and events, lists, failures."""

from typing import Any

from marshmallow import Schema, fields, validate

from app.web.reference.operations import Either

STATUSES = ["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]


def _is(value: str) -> fields.String:
    return fields.String(required=True, validate=validate.Equal(value))


def _text(**options: Any) -> fields.String:
    return fields.String(required=True, **options)


def _maybe(kind: type[fields.Field[Any]], about: str = "") -> fields.Field[Any]:
    return kind(required=True, allow_none=True, metadata={"description": about} if about else {})


class OutputTextSchema(Schema):
    type = _is("output_text")
    text = _text()
    annotations = fields.List(fields.Raw(), required=True)
    logprobs = fields.List(fields.Raw(), required=True)


class InputTextSchema(Schema):
    type = _is("input_text")
    text = _text()


class InputImageSchema(Schema):
    type = _is("input_image")
    image_url = _text()
    detail = _text()


class SummaryTextSchema(Schema):
    type = _is("summary_text")
    text = _text()


class MessageItemSchema(Schema):
    type = _is("message")
    id = _text()
    status = _text(validate=validate.OneOf(["in_progress", "completed", "incomplete"]))
    role = _text(validate=validate.OneOf(["user", "assistant", "system", "developer"]))
    content = fields.List(Either(OutputTextSchema, InputTextSchema, InputImageSchema), required=True)


class CallItemSchema(Schema):
    type = _is("function_call")
    id = _text()
    call_id = _text()
    name = _text()
    arguments = _text(metadata={"description": "An object, as JSON"})
    status = _text()


class CallOutputItemSchema(Schema):
    type = _is("function_call_output")
    id = _text()
    call_id = _text()
    output = _text()
    status = _text()


class ReasoningItemSchema(Schema):
    type = _is("reasoning")
    id = _text()
    summary = fields.List(fields.Nested(SummaryTextSchema), required=True)
    encrypted_content = fields.String(metadata={"description": "Where `include` asks for it; to be sent back as it is"})


ITEM = (MessageItemSchema, CallItemSchema, CallOutputItemSchema, ReasoningItemSchema)


class InputDetailsSchema(Schema):
    cached_tokens = fields.Integer(required=True)


class OutputDetailsSchema(Schema):
    reasoning_tokens = fields.Integer(required=True)


class UsageSchema(Schema):
    input_tokens = fields.Integer(required=True)
    input_tokens_details = fields.Nested(InputDetailsSchema, required=True)
    output_tokens = fields.Integer(required=True)
    output_tokens_details = fields.Nested(OutputDetailsSchema, required=True)
    total_tokens = fields.Integer(required=True)


class ResponseErrorSchema(Schema):
    code = _text()
    message = _text()


class IncompleteSchema(Schema):
    reason = _text(validate=validate.OneOf(["max_output_tokens", "content_filter"]))


class ToldToolSchema(Schema):
    type = _is("function")
    name = _text()
    description = _maybe(fields.String)
    parameters = fields.Dict(required=True)
    strict = _maybe(fields.Boolean)


class ResponseSchema(Schema):
    id = _text()
    object = _is("response")
    created_at = fields.Integer(required=True, metadata={"description": "In epoch seconds"})
    completed_at = _maybe(fields.Integer, "Of one that is completed")
    status = _text(validate=validate.OneOf(STATUSES))
    incomplete_details = fields.Nested(IncompleteSchema, required=True, allow_none=True)
    error = fields.Nested(ResponseErrorSchema, required=True, allow_none=True)
    output = fields.List(Either(*ITEM), required=True)
    usage = fields.Nested(UsageSchema, required=True, allow_none=True)
    model = _text(metadata={"description": "As the request has it"})
    previous_response_id = _maybe(fields.String)
    instructions = _maybe(fields.String)
    tools = fields.List(fields.Nested(ToldToolSchema), required=True)
    tool_choice = fields.Raw(required=True)
    truncation = _is("auto")
    parallel_tool_calls = fields.Boolean(required=True)
    text = fields.Dict(required=True)
    top_p = fields.Float(required=True)
    presence_penalty = fields.Float(required=True)
    frequency_penalty = fields.Float(required=True)
    top_logprobs = fields.Integer(required=True)
    temperature = fields.Float(required=True)
    reasoning = fields.Dict(required=True)
    max_output_tokens = _maybe(fields.Integer)
    max_tool_calls = _maybe(fields.Integer)
    store = fields.Boolean(required=True)
    background = fields.Boolean(required=True)
    service_tier = _text()
    metadata = fields.Dict(required=True)
    safety_identifier = _maybe(fields.String)
    prompt_cache_key = _maybe(fields.String)


class FailureSchema(Schema):
    message = _text()
    type = _text()
    param = _text(metadata={"description": "The part of the request that is wrong; an empty text where none is"})
    code = _text()


class ErrorSchema(Schema):
    error = fields.Nested(FailureSchema, required=True)


class DeletedSchema(Schema):
    id = _text()
    object = _is("response")
    deleted = fields.Boolean(required=True)


class ItemsSchema(Schema):
    object = _is("list")
    data = fields.List(Either(*ITEM), required=True)
    first_id = _maybe(fields.String)
    last_id = _maybe(fields.String)
    has_more = fields.Boolean(required=True)


class CompactionItemSchema(Schema):
    type = _is("compaction")
    id = _text()
    encrypted_content = _text(metadata={"description": "Signed, to be sent back as it is"})


class CompactedSchema(Schema):
    id = _text()
    object = _is("response.compaction")
    created_at = fields.Integer(required=True)
    output = fields.List(fields.Nested(CompactionItemSchema), required=True)
    usage = fields.Nested(UsageSchema, required=True)


class _EventSchema(Schema):
    sequence_number = fields.Integer(required=True, metadata={"description": "Ascends; for `starting_after`"})


class ResponseEventSchema(_EventSchema):
    """How the response stands: at first, and at the end."""

    type = _text(
        validate=validate.OneOf(
            [f"response.{kind}" for kind in ("created", "in_progress", "completed", "incomplete", "failed")]
        )
    )
    response = fields.Nested(ResponseSchema, required=True)


class ItemEventSchema(_EventSchema):
    type = _text(validate=validate.OneOf(["response.output_item.added", "response.output_item.done"]))
    output_index = fields.Integer(required=True)
    item = Either(*ITEM, required=True)


class _PieceSchema(_EventSchema):
    item_id = _text()
    output_index = fields.Integer(required=True)


class PartEventSchema(_PieceSchema):
    """Of a text, with `content_index`, or of a summary of thoughts, with `summary_index`."""

    type = _text(
        validate=validate.OneOf(
            [
                f"response.{kind}.{step}"
                for kind in ("content_part", "reasoning_summary_part")
                for step in ("added", "done")
            ]
        )
    )
    part = Either(OutputTextSchema, SummaryTextSchema, required=True)
    content_index = fields.Integer()
    summary_index = fields.Integer()


class TextEventSchema(_PieceSchema):
    """A piece (`delta`), or all (`text`, `arguments`)."""

    type = _text(
        validate=validate.OneOf(
            [
                f"response.{kind}.{step}"
                for kind in ("output_text", "reasoning_summary_text", "function_call_arguments")
                for step in ("delta", "done")
            ]
        )
    )
    delta = fields.String()
    text = fields.String()
    arguments = fields.String()
    name = fields.String()
    content_index = fields.Integer()
    summary_index = fields.Integer()
    logprobs = fields.List(fields.Raw())


class ErrorEventSchema(_EventSchema):
    """Told before `response.failed`."""

    type = _is("error")
    code = _text()
    message = _text()
    param = _text()
    error = fields.Nested(FailureSchema, required=True)


EVENT = {"oneOf": [ResponseEventSchema, ItemEventSchema, PartEventSchema, TextEventSchema, ErrorEventSchema]}
