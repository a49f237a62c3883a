"""`flask prepare`: brings the database and the indexes up to date, and makes the first keys and the first user."""

import secrets

import click

from app.cli.common import store_errors_told, utc_minute
from app.cli.indexing import index_knowledge
from app.cli.parts import Parts, parts
from app.engine.errors import ChatError
from app.store.audit import command_line
from app.store.installation import forget_secret
from app.store.schema import upgrade

DEMO_USER = "demo@example.com"


@click.command()
@click.option("--demo-keys", is_flag=True, help="Where there are no keys, or no users, make and print some.")
@click.option("--new-secret", is_flag=True, help="The secret of the next start is the installation's from then on.")
def prepare(demo_keys: bool, new_secret: bool) -> None:
    """Bring the database up to date, and the indexes of knowledge, which the server would build while it serves."""
    shared, settings = parts(), parts().settings  # whose mistakes are told before anything is changed
    _ = shared.secret  # made on the first start
    with store_errors_told():
        upgrade(shared.database)
        if new_secret:
            shared.database.write(forget_secret)
        if demo_keys:
            _make_demo_keys(shared)
            _make_demo_user(shared)
    index_knowledge(settings, settings.agents.values())


def _make_demo_keys(shared: Parts) -> None:
    keys = shared.keys.all()
    if keys:
        made = f"{utc_minute(keys[0].created_at)} UTC"
        click.echo(
            f"Keys: {len(keys)}, the first made on {made}. Each was shown once, when it was made, and is kept hashed."
        )
        click.echo("More:   .venv/bin/flask keys create --agent NAME --kind widget|secret")
        click.echo("Listed: .venv/bin/flask keys list")
        return
    agent = shared.settings.default_agent.id
    widget, secret = (shared.keys.create(kind, agent, "first") for kind in ("widget", "secret"))
    click.echo(f"First start: here are two keys for the agent {agent!r}. They are shown only now.")
    click.echo(f"  widget key (x-api-key, POST /chat):             {widget}")
    click.echo(f"  secret key (Authorization: Bearer, /api/chat):  {secret}")
    if shared.settings.server.playground:  # what stands behind # is sent to nobody
        click.echo(
            f"  the chat on a page, once the server runs:       http://127.0.0.1:{shared.settings.port}/#{widget}"
        )


def _make_demo_user(shared: Parts) -> None:
    if shared.users.all():
        return
    password = secrets.token_urlsafe(12)
    try:
        user = shared.users.create(DEMO_USER, password, "Demo", actor=command_line())
    except ChatError:
        return  # another program prepares at the same moment, and tells the password
    click.echo(f"  user (POST /api/auth/sign-in/email, /login):    {user.email}, password {password} (shown only now)")
