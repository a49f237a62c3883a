"""What is posted to /stuff."""

from marshmallow import Schema, fields, validate

from app.schemas.fields import NOT_BLANK


class ThingSchema(Schema):
    name = fields.String(required=True, validate=[validate.Length(1, 200), NOT_BLANK])
    content = fields.String(validate=validate.Length(0, 10_000))
