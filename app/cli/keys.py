"""`parlance keys`: API keys."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from app.cli.common import StoreGroup, UtcTime, echo_json, json_option, printable, utc, utc_minute
from app.cli.parts import parts
from app.store.keys import LONGEST_NAME, MOST_CREDITS, Key, KeyKind, normalised_origin
from app.store.tables import now

keys = StoreGroup("keys", help="API keys: made, listed, changed, rotated, revoked.")

_BUDGET = click.IntRange(0, MOST_CREDITS)
_ORIGIN = "A page's origin that may use it (widget; repeatable)."
_EXPIRES = "From when on it does not work: a date, as 2027-01-31, or a minute, as 2027-01-31T18:00, in UTC."


@keys.command()
@click.option("--agent", required=True, help="The agent that callers with this key reach.")
@click.option("--kind", required=True, type=click.Choice(["widget", "secret"]), help="widget: public, in a page.")
@click.option("--name", default="", help="For the list.")
@click.option("--origin", "origins", multiple=True, help=_ORIGIN)
@click.option("--require-origin", is_flag=True, help="Refuse requests that name no origin (widget).")
@click.option("--credits", "budget", type=_BUDGET, help="What its answers may cost in all; no limit else.")
@click.option("--expires", type=UtcTime(), help=_EXPIRES)
def create(  # noqa: PLR0917 - an option each
    agent: str,
    kind: KeyKind,
    name: str,
    origins: tuple[str, ...],
    require_origin: bool,
    budget: int | None,
    expires: int | None,
) -> None:
    """Make a key and print it, this once."""
    agents = parts().settings.agents
    if agent not in agents:
        raise click.UsageError(f"There is no agent {agent!r}; there are: {', '.join(agents)}.")
    _check(name, expires)
    try:
        listed = [normalised_origin(origin) for origin in origins]
        click.echo(parts().keys.create(kind, agent, name, listed, require_origin, budget, expires))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _check(name: str | None, expires: int | None) -> None:
    if name is not None and len(name) > LONGEST_NAME:
        raise click.UsageError(f"--name may have {LONGEST_NAME} characters.")
    if name is not None and not name.isprintable():
        raise click.UsageError("--name must be one line of text.")
    if expires is not None and expires <= now():
        raise click.UsageError("--expires is over already; `flask keys revoke` stops a key.")


@keys.command()
@click.argument("key_id")
@click.option("--name", help="For the list.")
@click.option("--origin", "origins", multiple=True, help=f"{_ORIGIN} Those before are forgotten.")
@click.option("--any-origin", is_flag=True, help="Pages of every origin may use it (widget).")
@click.option("--require-origin/--no-require-origin", default=None, help="Whether requests must name one (widget).")
@click.option("--credits", "budget", type=_BUDGET, help="What its answers may cost in all, what was spent included.")
@click.option("--no-budget", is_flag=True, help="Its answers may cost what they like.")
@click.option("--expires", type=UtcTime(), help=_EXPIRES)
@click.option("--no-expiry", is_flag=True, help="It works until it is revoked.")
def update(  # noqa: PLR0917 - an option each
    key_id: str,
    name: str | None,
    origins: tuple[str, ...],
    any_origin: bool,
    require_origin: bool | None,
    budget: int | None,
    no_budget: bool,
    expires: int | None,
    no_expiry: bool,
) -> None:
    """Change a key, by its id from the list; what is not named stays. Within a second it works so."""
    _check(name, expires)
    _refuse_both(origins, any_origin, "--origin and --any-origin")
    _refuse_both(budget is not None, no_budget, "--credits and --no-budget")
    _refuse_both(expires is not None, no_expiry, "--expires and --no-expiry")
    try:
        wanted: Mapping[str, tuple[Any, Any]] = {
            "name": (name is not None, name),
            "origins": (origins or any_origin, [normalised_origin(origin) for origin in origins]),
            "require_origin": (require_origin is not None, require_origin),
            "credits": (budget is not None or no_budget, budget),
            "expires_at": (expires is not None or no_expiry, expires),
        }
        changes = {column: value for column, (is_named, value) in wanted.items() if is_named}
        if not changes:
            raise click.UsageError("Nothing is to be changed: name an option.")
        if not parts().keys.update(key_id, changes):
            raise click.ClickException(f"There is no key {key_id!r}, or it was revoked.")
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _refuse_both(one: Sequence[str] | bool, other: bool, names: str) -> None:
    if one and other:
        raise click.UsageError(f"{names} cannot go together.")


@keys.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """Every key: id, kind, agent, when made, state, and until when, origins, credits spent, name."""
    found = parts().keys.all()
    if as_json:
        echo_json([_described(key) for key in found])
        return
    for key in found:
        made = utc_minute(key.created_at)
        until = "" if key.expires_at is None else f" until {utc_minute(key.expires_at)}"
        state = "revoked" if key.revoked_at else f"active{until}" if key.is_active else "expired"
        origins = ",".join(key.origins) or "any origin"
        spent = f"{key.spent}" if key.credits is None else f"{key.spent} of {key.credits}"
        columns = [key.id, key.kind, key.agent, made, state, origins, f"{spent} credits", printable(key.name)]
        click.echo("\t".join(columns))


def _described(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "kind": key.kind,
        "agent": key.agent,
        "name": key.name,
        "created_at": utc(key.created_at),
        "expires_at": utc(key.expires_at) if key.expires_at else None,
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
    if key is None or key.kind != "widget" or not key.is_active:
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
