"""Accounts and signing in, the same for every wire that has users, and for the command line."""

import re

from marshmallow import Schema, ValidationError, fields, validate

from app.store.users import Session
from app.web.callers.takers import address
from app.web.services import services

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_LONGEST_PASSWORD = 1024  # hashing takes longer, the longer it is


def _plausible(email: str) -> None:
    if not (_ADDRESS.fullmatch(email.strip()) and email.strip().isprintable()):
        raise ValidationError("Not an e-mail address.")


def _printable(text: str) -> None:
    if not text.isprintable():
        raise ValidationError("Must be one line of text.")


class AccountSchema(Schema):
    """A new user."""

    email = fields.String(required=True, validate=_plausible, metadata={"format": "email"})
    password = fields.String(required=True, validate=[validate.Length(8), validate.Length(max=_LONGEST_PASSWORD)])
    name = fields.String(load_default="", validate=[validate.Length(0, 100), _printable])


class CredentialsSchema(Schema):
    """What a user signs in with."""

    email = fields.String(required=True, validate=validate.Length(1, 254))
    password = fields.String(required=True, validate=validate.Length(1, _LONGEST_PASSWORD))


def count_attempt() -> None:
    """Count an attempt to sign in for the caller's address. Raises ChatError(LIMITED)."""
    services().sign_in_limits.count_address(address())


def sign_in(email: str, password: str, remembered: bool = True) -> Session:
    """A new session. Raises ChatError: LIMITED for the account, UNAUTHORIZED."""
    shared = services()
    shared.sign_in_limits.count_account(email)
    session = shared.users.sign_in(email, password, remembered)
    shared.sign_in_limits.forgive_account(email)
    return session


def sign_up(email: str, password: str, name: str, image: str | None = None, remembered: bool = True) -> Session:
    """A new user, signed in at once. Raises ChatError: LIMITED for the account or the address, TAKEN."""
    shared, limits, place = services(), services().sign_in_limits, address()
    limits.count_account(email)
    limits.count_new(place)
    try:
        user = shared.users.create(email, password, name, image)
    except BaseException:
        limits.forgive_new(place)
        raise
    return shared.users.start_session(user, remembered=remembered)
