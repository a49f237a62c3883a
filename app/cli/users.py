"""`flask users`: people who sign in."""

import sys
from typing import Any

import click
from marshmallow import ValidationError

from app.cli.common import StoreGroup, echo_json, json_option, utc, utc_minute
from app.cli.parts import parts
from app.engine.errors import ChatError
from app.engine.texts import NUL
from app.settings.mistakes import mistake_lines
from app.store.audit import command_line
from app.store.deleted_users import delete_user
from app.store.users import User

users = StoreGroup("users", help="People who sign in: made, listed, disabled, enabled, given a new password, deleted.")


@users.command("create")
@click.option("--email", required=True, help="What the user signs in with.")
@click.option("--name", default="", help="What the user is called.")
@click.option("--password-stdin", is_flag=True, required=True, help="The password is the first line of standard input.")
def create_user(email: str, name: str, password_stdin: bool) -> None:  # noqa: ARG001 - the flag says where it comes from
    """Make a user and print the user's id."""
    from app.web.callers.accounts import AccountSchema

    password = _password()
    try:
        account = AccountSchema().load({"email": email, "password": password, "name": name})
        click.echo(parts().users.create(**account, actor=command_line()).id)
    except ValidationError as error:
        raise _usage_error(error) from error
    except ChatError as error:
        raise click.ClickException(error.message) from error


@users.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """Every user: id, address, when made, state, name."""
    found = parts().users.all()
    if as_json:
        echo_json([_described(user) for user in found])
        return
    for user in found:
        state = "disabled" if user.disabled_at else "active"
        click.echo("\t".join([user.id, user.email, utc_minute(user.created_at), state, user.name]))


def _described(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "created_at": utc(user.created_at),
        "disabled_at": utc(user.disabled_at) if user.disabled_at else None,
    }


@users.command()
@click.option("--email", required=True)
def disable(email: str) -> None:
    """End a user's sessions, and allow no more."""
    if not parts().users.disable(email):
        raise click.ClickException(f"There is no active user {email!r}.")


@users.command()
@click.option("--email", required=True)
def enable(email: str) -> None:
    """Let a disabled user sign in again."""
    if not parts().users.enable(email):
        raise click.ClickException(f"There is no disabled user {email!r}.")


@users.command("password")
@click.option("--email", required=True)
@click.option("--password-stdin", is_flag=True, required=True, help="The password is the first line of standard input.")
def set_password(email: str, password_stdin: bool) -> None:  # noqa: ARG001 - the flag says where it comes from
    """Give a user a new password, and end all of the user's sessions."""
    from app.web.callers.accounts import AccountSchema

    password = _password()
    try:
        AccountSchema(only=["password"]).load({"password": password})
    except ValidationError as error:
        raise _usage_error(error) from error
    if not parts().users.set_password(email, password):
        raise click.ClickException(f"There is no user {email!r}.")


@users.command()
@click.option("--email", required=True)
def delete(email: str) -> None:
    """Delete a user for good, with sessions, things, workflows, chats and all that was said there; prints how many
    conversations went."""
    shared = parts()
    erased = delete_user(shared.database, shared.eraser, email, command_line())
    if erased is None:
        raise click.ClickException(f"There is no user {email!r}.")
    shared.database.checkpoint()
    click.echo(erased)


def _password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if NUL in password:
        raise click.UsageError("password: Must not have the character NUL (U+0000).")  # nobody could sign in with it
    return password


def _usage_error(error: ValidationError) -> click.UsageError:
    return click.UsageError("; ".join(mistake_lines(error.messages)))
