"""What is posted, bare or wrapped as {"data": {…}}."""

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields, post_load, pre_load, validate

from app.schemas.fields import NOT_BLANK, Digits, Flag
from app.web.callers.accounts import AccountSchema, CredentialsSchema
from app.web.requests.ids import stored_id

MOST_ON_A_PAGE = 500


def _uuid(text: str) -> None:
    if stored_id(text) is None:
        raise ValidationError("Not a valid UUID.")


class BodySchema(Schema):
    """Of any body on this wire."""

    @pre_load
    def unwrap(self, data: Any, **_: Any) -> Any:
        if isinstance(data, Mapping) and set(data) == {"data"} and isinstance(data["data"], Mapping):
            return data["data"]
        return data


class _AuthSchema(BodySchema):
    """What better-auth's client may send besides."""

    callback_url = fields.String(
        data_key="callbackURL",
        load_default=None,
        validate=validate.Length(0, 2048),
        metadata={"description": "Where the page goes on: a path, or an address of an allowed origin"},
    )


class _SessionSchema(_AuthSchema):
    remembered = Flag(
        data_key="rememberMe",
        load_default=True,
        metadata={"description": "If false, the session ends with the browser, and after a day"},
    )


class SignInSchema(_SessionSchema, CredentialsSchema):
    pass


class SignUpSchema(_SessionSchema, AccountSchema):
    image = fields.String(
        load_default=None,
        allow_none=True,
        validate=[validate.Length(1, 2048), validate.Regexp(r"https?://[!-~]+\Z", error="Must be an http address.")],
        metadata={"format": "uri", "description": "The address of a picture"},
    )


class SignOutSchema(_AuthSchema):
    """Some of it is for sign-ins that this server does not have."""

    disable_redirect = Flag(data_key="disableRedirect")
    state = fields.String(validate=validate.Length(0, 2048))


class ChatSchema(BodySchema):
    title = fields.String(load_default=None, allow_none=True, validate=[validate.Length(1, 200), NOT_BLANK])
    user_id = fields.String(data_key="userId", load_default=None, validate=validate.Length(1, 128))


class MessageSchema(BodySchema):
    content = fields.String(required=True, validate=[validate.Length(1, 100_000), NOT_BLANK])
    model_id = fields.String(
        data_key="modelId",
        required=True,
        validate=validate.Length(1, 128),
        metadata={"description": "A name or an alias"},
    )
    user_id = fields.String(
        data_key="userId", required=True, validate=validate.Length(1, 128), metadata={"description": "The caller's own"}
    )
    workflow_id = fields.String(
        data_key="workflowId", load_default=None, allow_none=True, validate=_uuid, metadata={"format": "uuid"}
    )


_READ_ONLY = ("id", "version", "shipped", "createdAt", "updatedAt")


class DefinitionSchema(BodySchema):
    """A workflow, or a part of one; what it must be like is looked at where it is read. What only the server says may
    come back: who changes a workflow has read it first."""

    class Meta:
        unknown = INCLUDE

    @post_load
    def leave_out(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if name not in _READ_ONLY}


class PageSchema(Schema):
    """Query parameters of lists."""

    class Meta:
        unknown = EXCLUDE

    limit = Digits(load_default=20, validate=validate.Range(1, 100))
    offset = Digits(load_default=0)


class RunsSchema(PageSchema):
    limit = Digits(load_default=20, validate=validate.Range(1, 200))


class CursorSchema(Schema):
    """Query parameters of what is read page by page; as many as a page may have, unless the caller wants fewer."""

    class Meta:
        unknown = EXCLUDE

    cursor = fields.String(load_default=None, metadata={"description": "`nextCursor` of the page before"})
    limit = Digits(load_default=MOST_ON_A_PAGE, validate=validate.Range(1, MOST_ON_A_PAGE))
