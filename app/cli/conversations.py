"""`flask conversations`: what was said, for the end user who asks for it or wants it gone."""

from dataclasses import asdict

import click
import orjson

from app.cli.common import StoreGroup
from app.store.parts import parts_to_json
from app.web.services import services

conversations = StoreGroup("conversations", help="What was said: exported, erased.")


@conversations.command()
@click.option("--agent", required=True, help="The agent that they were held with.")
@click.option("--user", help="Only those of this end user.")
@click.option("--format", "_format", type=click.Choice(["jsonl"]), default="jsonl", help="One conversation a line.")
def export(agent: str, user: str | None, _format: str) -> None:
    """Print conversations with all their messages, superseded ones too, oldest first. Each says on which wire
    (`channel`) and by whom (`owner`) it was held."""
    shared, empty = services(), True
    for conversation, messages in shared.histories.export(agent, user):
        empty = False
        exported = [
            {
                **{name: value for name, value in asdict(each).items() if name != "message"},
                "role": each.message.role,
                "parts": parts_to_json(each.message),
            }
            for each in messages
        ]
        head = {("channel" if name == "wire" else name): value for name, value in asdict(conversation).items()}
        click.echo(orjson.dumps({**head, "agent": agent, "messages": exported}))
    if empty and agent not in shared.settings.agents:  # one that was configured once may still be asked for
        raise click.UsageError(f"There is no agent {agent!r}; there are: {', '.join(shared.settings.agents)}.")


@conversations.command()
@click.option("--user", required=True, help="The end user, as callers named them.")
def erase(user: str) -> None:
    """Delete all conversations of an end user, for good; prints how many there were."""
    click.echo(services().histories.erase(user))
