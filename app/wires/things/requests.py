"""What is posted to /stuff, and its query."""

from marshmallow import EXCLUDE, Schema, fields, validate

from app.schemas.fields import NOT_BLANK, Digits

MOST_ON_A_PAGE = 1000


class ThingSchema(Schema):
    name = fields.String(required=True, validate=[validate.Length(1, 200), NOT_BLANK])
    content = fields.String(validate=validate.Length(0, 10_000))


class PageSchema(Schema):
    """Query parameters of the list."""

    class Meta:
        unknown = EXCLUDE

    cursor = fields.String(load_default=None, metadata={"description": "From `Link`, which names the next page"})
    limit = Digits(load_default=MOST_ON_A_PAGE, validate=validate.Range(1, MOST_ON_A_PAGE))
