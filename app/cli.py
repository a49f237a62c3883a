"""The command line: `flask prepare` and `flask keys`. Standard output carries only what was asked for."""

from datetime import UTC, datetime
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.http.services import Services, services
from app.store.keys import KeyKind, normalised_origin
from app.store.schema import upgrade


class KeysGroup(AppGroup):
    """Commands that need the tables."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (OperationalError, ProgrammingError) as error:
            raise click.ClickException(
                f"The database does not answer as it should; has `flask prepare` been run? ({error.orig})"
            ) from error


keys = KeysGroup("keys", help="API keys: made, listed, revoked.")


def register(app: Flask) -> None:
    app.cli.add_command(prepare)
    app.cli.add_command(keys)


@click.command()
@click.option("--demo-keys", is_flag=True, help="Where there are no keys yet, make two and print them.")
def prepare(demo_keys: bool) -> None:
    """Bring the database up to date."""
    shared = services()
    upgrade(shared.database)
    if demo_keys:
        _make_demo_keys(shared)


def _make_demo_keys(shared: Services) -> None:
    known = shared.keys.all()
    agents = shared.settings.agents
    if known:
        made = f"{datetime.fromtimestamp(known[0].created_at / 1000, UTC):%Y-%m-%d %H:%M} UTC"
        click.echo(
            f"Keys: {len(known)}, the first made on {made}. Each was shown once, when it was made, and is kept hashed."
        )
        click.echo("More:   .venv/bin/flask keys create --agent NAME --kind widget|secret")
        click.echo("Listed: .venv/bin/flask keys list")
        return
    agent = (shared.settings.public_agent or next(iter(agents.values()))).id if agents else None
    if agent:
        click.echo(f"First start: here are two keys for the agent {agent!r}. They are shown only now.")
        click.echo(f"  widget key (x-api-key, POST /chat):             {shared.keys.create('widget', agent, 'first')}")
        click.echo(f"  secret key (Authorization: Bearer, /api/chat):  {shared.keys.create('secret', agent, 'first')}")


@keys.command()
@click.option("--agent", required=True, help="The agent that callers with this key reach.")
@click.option("--kind", required=True, type=click.Choice(["widget", "secret"]), help="widget: public, in a page.")
@click.option("--name", default="", help="For the list.")
@click.option("--origin", "origins", multiple=True, help="A page's origin that may use it (widget; repeatable).")
@click.option("--require-origin", is_flag=True, help="Refuse requests that name no origin (widget).")
def create(agent: str, kind: KeyKind, name: str, origins: tuple[str, ...], require_origin: bool) -> None:
    """Make a key and print it, this once."""
    shared = services()
    if agent not in shared.settings.agents:
        raise click.UsageError(f"There is no agent {agent!r}; there are: {', '.join(shared.settings.agents)}.")
    if kind != "widget" and (origins or require_origin):
        raise click.UsageError("Only widget keys are bound to origins.")
    if require_origin and not origins:
        raise click.UsageError("--require-origin needs at least one --origin.")
    try:
        listed = [normalised_origin(origin) for origin in origins]
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(shared.keys.create(kind, agent, name, listed, require_origin))


@keys.command("list")
def list_() -> None:
    """Every key: id, kind, agent, when made, state, origins, name."""
    for key in services().keys.all():
        made = datetime.fromtimestamp(key.created_at / 1000, UTC).strftime("%Y-%m-%d %H:%M")
        state = "revoked" if key.revoked_at else "active"
        origins = ",".join(key.origins) or "any origin"
        columns = [key.id, key.kind, key.agent, made, state, origins, key.name]
        click.echo("\t".join(columns))


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Stop a key from working, by its id from the list."""
    if not services().keys.revoke(key_id):
        raise click.ClickException(f"There is no active key {key_id!r}.")
