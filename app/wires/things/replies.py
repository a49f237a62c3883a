"""What is answered, for the reference."""

from marshmallow import Schema, fields


class TokenSchema(Schema):
    token = fields.String(required=True)
    expires_at = fields.String(required=True, data_key="expiresAt", metadata={"format": "date-time"})


class KnownThingSchema(Schema):
    id = fields.Integer(required=True)
    name = fields.String(required=True)
    content = fields.String(required=True)


THINGS = {"type": "array", "items": KnownThingSchema}


class MessageSchema(Schema):
    """Failures, and the news that something is deleted."""

    code = fields.Integer(required=True, metadata={"description": "The status"})
    message = fields.String(required=True)
