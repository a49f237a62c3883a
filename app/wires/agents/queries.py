"""What callers send beside questions: queries, and small bodies."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from app.schemas.fields import Digits, Flag
from app.web.requests.positions import CURSOR


class FormatSchema(Schema):
    """Which stream is wanted; without it, Accept and the body decide."""

    class Meta:
        unknown = EXCLUDE

    format = fields.String(
        load_default=None, allow_none=False, validate=validate.OneOf(["sse", "ndjson"], error="Must be sse or ndjson.")
    )


class ReadOnSchema(FormatSchema):
    """Which stream, and from where."""

    cursor = CURSOR


class Moment(fields.Field[int]):
    """Epoch seconds or an ISO 8601 date, as epoch milliseconds; without a time zone it is UTC."""

    described = {"type": "string", "description": "ISO 8601, or epoch seconds"}  # noqa: RUF012 - read only

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        try:
            moment = datetime.fromtimestamp(int(value), UTC) if value.isdecimal() else datetime.fromisoformat(value)
        except (ValueError, OverflowError, OSError) as error:
            raise ValidationError("Not a date such as 2026-01-31, nor epoch seconds.") from error
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


class PageSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    cursor = fields.String(load_default=None, metadata={"description": "From the page before"})
    limit = Digits(load_default=20, validate=validate.Range(1, 100))


class MessagesSchema(PageSchema):
    format = fields.String(
        load_default=None,
        validate=validate.OneOf(["ui"], error="Must be ui, or left out."),
        metadata={"description": "`ui`: as the AI SDK's UI messages"},
    )


class ConversationsSchema(PageSchema):
    start = Moment(data_key="startDate", load_default=None)
    end = Moment(data_key="endDate", load_default=None)


class StopSchema(Schema):
    """What the AI SDK's documentation has a page send: the answer is ended that it means, which is the one under way
    where it names none."""

    class Meta:
        unknown = EXCLUDE

    active_stream_id = fields.String(
        load_default=None,
        allow_none=True,
        data_key="activeStreamId",
        metadata={"description": "`X-Turn-Id` of the answer that is meant"},
    )
    assistant_message = fields.Dict(
        load_default=None,
        allow_none=True,
        data_key="assistantMessage",
        metadata={
            "description": "The UI message of the answer as far as the page has it. Only its `id` is looked at, which "
            "tells what is meant as `activeStreamId` does: what was said is known here"
        },
    )


class PausedSchema(Schema):
    paused = Flag(required=True)


class FeedbackSchema(Schema):
    feedback = fields.String(required=True, allow_none=True, validate=validate.OneOf(["positive", "negative"]))
