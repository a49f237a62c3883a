"""`parlance keys`: API keys."""

from typing import Any

import click

from app.cli.common import StoreGroup, echo_json, json_option, utc, utc_minute
from app.cli.parts import parts
from app.store.keys import LONGEST_NAME, MOST_CREDITS, Key, KeyKind, normalised_origin

keys = StoreGroup("keys", help="API keys: made, listed, rotated, revoked.")


@keys.command()
@click.option("--agent", required=True, help="The agent that callers with this key reach.")
@click.option("--kind", required=True, type=click.Choice(["widget", "secret"]), help="widget: public, in a page.")
@click.option("--name", default="", help="For the list.")
@click.option("--origin", "origins", multiple=True, help="A page's origin that may use it (widget; repeatable).")
@click.option("--require-origin", is_flag=True, help="Refuse requests that name no origin (widget).")
@click.option(
    "--credits", "budget", type=click.IntRange(0, MOST_CREDITS), help="What its answers may cost in all; no limit else."
)
def create(  # noqa: PLR0917 - an option each
    agent: str, kind: KeyKind, name: str, origins: tuple[str, ...], require_origin: bool, budget: int | None
) -> None:
    """Make a key and print it, this once."""
    agents = parts().settings.agents
    if agent not in agents:
        raise click.UsageError(f"There is no agent {agent!r}; there are: {', '.join(agents)}.")
    if len(name) > LONGEST_NAME:
        raise click.UsageError(f"--name may have {LONGEST_NAME} characters.")
    if kind != "widget" and (origins or require_origin):
        raise click.UsageError("Only widget keys are bound to origins.")
    if require_origin and not origins:
        raise click.UsageError("--require-origin needs at least one --origin.")
    try:
        listed = [normalised_origin(origin) for origin in origins]
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(parts().keys.create(kind, agent, name, listed, require_origin, budget))


@keys.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """Every key: id, kind, agent, when made, state, origins, credits spent, name."""
    found = parts().keys.all()
    if as_json:
        echo_json([_described(key) for key in found])
        return
    for key in found:
        made = utc_minute(key.created_at)
        state = "revoked" if key.revoked_at else "active"
        origins = ",".join(key.origins) or "any origin"
        spent = f"{key.spent}" if key.credits is None else f"{key.spent} of {key.credits}"
        columns = [key.id, key.kind, key.agent, made, state, origins, f"{spent} credits", key.name]
        click.echo("\t".join(columns))


def _described(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "kind": key.kind,
        "agent": key.agent,
        "name": key.name,
        "created_at": utc(key.created_at),
        "revoked_at": utc(key.revoked_at) if key.revoked_at else None,
        "origins": key.origins,
        "require_origin": key.require_origin,
        "credits": key.credits,
        "spent": key.spent,
    }


@keys.command("visitor-secret")
@click.argument("key_id")
def visitor_secret(key_id: str) -> None:
    """Print the secret with which a widget key's site signs who its visitors are."""
    key = next((key for key in parts().keys.all() if key.id == key_id), None)
    if key is None or key.kind != "widget" or key.revoked_at:
        raise click.ClickException(f"There is no active widget key {key_id!r}.")
    from app.web.callers.visitors import Visitors

    click.echo(Visitors(parts().secret).secret_of(key))


@keys.command()
@click.argument("key_id")
def rotate(key_id: str) -> None:
    """Give a key a new text, by its id from the list, and print it, this once. The old one stops working, and so does
    the key's visitor secret; conversations, origins and credits stay."""
    text = parts().keys.rotate(key_id)
    if text is None:
        raise click.ClickException(f"There is no active key {key_id!r}.")
    click.echo(text)


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Stop a key from working, by its id from the list."""
    if not parts().keys.revoke(key_id):
        raise click.ClickException(f"There is no active key {key_id!r}.")
