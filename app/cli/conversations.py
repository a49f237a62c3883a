"""`flask conversations`: what was said, for the end user who asks for it or wants it gone."""

from dataclasses import asdict
from typing import Any

import click

from app.cli.common import StoreGroup
from app.cli.parts import parts
from app.engine.messages import Message
from app.store.archive import Archive
from app.store.parts import parts_to_json

conversations = StoreGroup("conversations", help="What was said: exported, erased.")


@conversations.command()
@click.option("--agent", required=True, help="The agent that they were held with.")
@click.option("--user", help="Only those of this end user.")
@click.option("--format", "_format", type=click.Choice(["jsonl"]), default="jsonl", help="One conversation a line.")
def export(agent: str, user: str | None, _format: str) -> None:
    """Print conversations with all their messages, superseded ones too, oldest first. Each says on which wire
    (`channel`) and by whom (`owner`) it was held. What its caller posted before the first message is in `posted`, or in
    the conversation whose id is in `follows`."""
    from app.web.responses.framing import json_bytes

    empty = True
    for whole in Archive(parts().database).export(agent, user):
        empty = False
        head = {("channel" if name == "wire" else name): value for name, value in asdict(whole.conversation).items()}
        posted = {"posted": [_said(each) for each in whole.posted]} if whole.posted else {}
        follows = {"follows": whole.follows} if whole.follows else {}
        exported = [
            {**{name: value for name, value in asdict(each).items() if name != "message"}, **_said(each.message)}
            for each in whole.messages
        ]
        click.echo(json_bytes({**head, "agent": agent, **posted, **follows, "messages": exported}))
    if empty and agent not in parts().settings.agents:  # one that was configured once may still be asked for
        raise click.UsageError(f"There is no agent {agent!r}; there are: {', '.join(parts().settings.agents)}.")


def _said(message: Message) -> dict[str, Any]:
    return {"role": message.role, "parts": parts_to_json(message)}


@conversations.command()
@click.option("--user", required=True, help="The end user, as callers named them.")
def erase(user: str) -> None:
    """Delete all conversations of an end user, for good; prints how many there were."""
    click.echo(Archive(parts().database).erase(user))
