"""The command line: `flask prepare`, `keys`, `users`, `conversations`, `agents`, `workflows`. Standard output carries
only what was asked for."""

import secrets
from dataclasses import asdict

import click
import orjson
from flask import Flask

from app.cli.agents import agents
from app.cli.group import StoreGroup, minute
from app.cli.users import users
from app.cli.workflows import workflows
from app.store.keys import KeyKind, normalised_origin
from app.store.parts import all_to_json
from app.store.schema import upgrade
from app.web.services import Services, services

DEMO_USER = "demo@example.com"


keys = StoreGroup("keys", help="API keys: made, listed, rotated, revoked.")
conversations = StoreGroup("conversations", help="What was said: exported, erased.")


def register(app: Flask) -> None:
    app.cli.add_command(prepare)
    app.cli.add_command(keys)
    app.cli.add_command(users)
    app.cli.add_command(conversations)
    app.cli.add_command(agents)
    app.cli.add_command(workflows)


@click.command()
@click.option("--demo-keys", is_flag=True, help="Where there are no keys, or no users, make and print some.")
def prepare(demo_keys: bool) -> None:
    """Bring the database up to date."""
    shared = services()
    upgrade(shared.database)
    if demo_keys:
        _make_demo_keys(shared)
        _make_demo_user(shared)


def _make_demo_keys(shared: Services) -> None:
    known = shared.keys.all()
    agents = shared.settings.agents
    if known:
        made = f"{minute(known[0].created_at)} UTC"
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


def _make_demo_user(shared: Services) -> None:
    if shared.users.all():
        return
    password = secrets.token_urlsafe(12)
    user = shared.users.create(DEMO_USER, password, "Demo")
    click.echo(f"  user (POST /api/auth/sign-in/email, /login):    {user.email}, password {password} (shown only now)")


@keys.command()
@click.option("--agent", required=True, help="The agent that callers with this key reach.")
@click.option("--kind", required=True, type=click.Choice(["widget", "secret"]), help="widget: public, in a page.")
@click.option("--name", default="", help="For the list.")
@click.option("--origin", "origins", multiple=True, help="A page's origin that may use it (widget; repeatable).")
@click.option("--require-origin", is_flag=True, help="Refuse requests that name no origin (widget).")
@click.option("--credits", "budget", type=click.IntRange(0), help="What its answers may cost in all; no limit else.")
def create(  # noqa: PLR0917 - an option each
    agent: str, kind: KeyKind, name: str, origins: tuple[str, ...], require_origin: bool, budget: int | None
) -> None:
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
    click.echo(shared.keys.create(kind, agent, name, listed, require_origin, budget))


@keys.command("list")
def list_() -> None:
    """Every key: id, kind, agent, when made, state, origins, credits spent, name."""
    for key in services().keys.all():
        made = minute(key.created_at)
        state = "revoked" if key.revoked_at else "active"
        origins = ",".join(key.origins) or "any origin"
        spent = f"{key.spent}" if key.credits is None else f"{key.spent} of {key.credits}"
        columns = [key.id, key.kind, key.agent, made, state, origins, f"{spent} credits", key.name]
        click.echo("\t".join(columns))


@keys.command("visitor-secret")
@click.argument("key_id")
def visitor_secret(key_id: str) -> None:
    """Print the secret with which a widget key's site signs who its visitors are."""
    found = next((key for key in services().keys.all() if key.id == key_id), None)
    if found is None or found.kind != "widget" or found.revoked_at:
        raise click.ClickException(f"There is no active widget key {key_id!r}.")
    click.echo(services().visitors.secret_of(found))


@keys.command()
@click.argument("key_id")
def rotate(key_id: str) -> None:
    """Give a key a new text, by its id from the list, and print it, this once. The old one stops working, and so does
    the key's visitor secret; conversations, origins and credits stay."""
    key = services().keys.rotate(key_id)
    if key is None:
        raise click.ClickException(f"There is no active key {key_id!r}.")
    click.echo(key)


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Stop a key from working, by its id from the list."""
    if not services().keys.revoke(key_id):
        raise click.ClickException(f"There is no active key {key_id!r}.")


@conversations.command()
@click.option("--agent", required=True, help="The agent that they were held with.")
@click.option("--user", help="Only those of this end user.")
@click.option("--format", "_format", type=click.Choice(["jsonl"]), default="jsonl", help="One conversation a line.")
def export(agent: str, user: str | None, _format: str) -> None:
    """Print conversations with all their messages, superseded ones too, oldest first. Each says on which wire
    (`channel`) and by whom (`owner`) it was held."""
    shared, found = services(), False
    for conversation, messages in shared.histories.export(agent, user):
        found = True
        said = [
            {
                **{name: value for name, value in asdict(each).items() if name != "message"},
                "role": each.message.role,
                "parts": all_to_json(each.message),
            }
            for each in messages
        ]
        head = {("channel" if name == "wire" else name): value for name, value in asdict(conversation).items()}
        click.echo(orjson.dumps({**head, "agent": agent, "messages": said}))
    if not found and agent not in shared.settings.agents:  # one that was configured once may still be asked for
        raise click.UsageError(f"There is no agent {agent!r}; there are: {', '.join(shared.settings.agents)}.")


@conversations.command()
@click.option("--user", required=True, help="The end user, as callers named them.")
def erase(user: str) -> None:
    """Delete all conversations of an end user, for good; prints how many there were."""
    click.echo(services().histories.erase(user))
