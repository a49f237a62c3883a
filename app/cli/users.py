"""`flask users`: people who sign in."""

import sys

import click
from marshmallow import ValidationError

from app.cli.common import StoreGroup, utc_minute
from app.engine.errors import ChatError
from app.engine.texts import NUL
from app.settings.mistakes import mistake_lines
from app.store.audit import command_line
from app.store.deleted_users import delete_user
from app.store.erasing import Eraser
from app.web.callers.accounts import AccountSchema
from app.web.services import services

users = StoreGroup("users", help="People who sign in: made, listed, disabled, enabled, given a new password, deleted.")


@users.command("create")
@click.option("--email", required=True, help="What the user signs in with.")
@click.option("--name", default="", help="What the user is called.")
@click.option("--password-stdin", is_flag=True, required=True, help="The password is the first line of standard input.")
def create_user(email: str, name: str, password_stdin: bool) -> None:  # noqa: ARG001 - the flag says where it comes from
    """Make a user and print the user's id."""
    password = _password()
    try:
        account = AccountSchema().load({"email": email, "password": password, "name": name})
        click.echo(services().users.create(**account, actor=command_line()).id)
    except ValidationError as error:
        raise _usage_error(error) from error
    except ChatError as error:
        raise click.ClickException(error.message) from error


@users.command("list")
def list_users() -> None:
    """Every user: id, address, when made, state, name."""
    for user in services().users.all():
        state = "disabled" if user.disabled_at else "active"
        click.echo("\t".join([user.id, user.email, utc_minute(user.created_at), state, user.name]))


@users.command()
@click.option("--email", required=True)
def disable(email: str) -> None:
    """End a user's sessions, and allow no more."""
    if not services().users.disable(email):
        raise click.ClickException(f"There is no active user {email!r}.")


@users.command()
@click.option("--email", required=True)
def enable(email: str) -> None:
    """Let a disabled user sign in again."""
    if not services().users.enable(email):
        raise click.ClickException(f"There is no disabled user {email!r}.")


@users.command("password")
@click.option("--email", required=True)
@click.option("--password-stdin", is_flag=True, required=True, help="The password is the first line of standard input.")
def set_password(email: str, password_stdin: bool) -> None:  # noqa: ARG001 - the flag says where it comes from
    """Give a user a new password, and end all of the user's sessions."""
    password = _password()
    try:
        AccountSchema(only=["password"]).load({"password": password})
    except ValidationError as error:
        raise _usage_error(error) from error
    if not services().users.set_password(email, password):
        raise click.ClickException(f"There is no user {email!r}.")


@users.command()
@click.option("--email", required=True)
def delete(email: str) -> None:
    """Delete a user for good, with sessions, things, workflows, chats and all that was said there; prints how many
    conversations went."""
    shared = services()
    erased = delete_user(shared.database, Eraser(shared.database, shared.worker), email, command_line())
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
