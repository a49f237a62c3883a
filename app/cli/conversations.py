"""`flask conversations`: what was said, for the end user who asks for it or wants it gone."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import click

from app.cli.common import StoreGroup
from app.cli.parts import parts
from app.engine.messages import Message
from app.store.archive import Archive
from app.store.audit import command_line
from app.store.erasing import each_noted, of_end_user, of_id, of_session
from app.store.parts import parts_to_json

conversations = StoreGroup("conversations", help="What was said: exported, erased, kept.")


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
        pinned = {"pinned": True} if whole.pinned else {}
        follows = {"follows": whole.follows} if whole.follows else {}
        exported = [
            {**{name: value for name, value in asdict(each).items() if name != "message"}, **_said(each.message)}
            for each in whole.messages
        ]
        click.echo(json_bytes({**head, "agent": agent, **pinned, **posted, **follows, "messages": exported}))
    if empty and agent not in parts().settings.agents:  # one that was configured once may still be asked for
        raise click.UsageError(f"There is no agent {agent!r}; there are: {', '.join(parts().settings.agents)}.")


def _said(message: Message) -> dict[str, Any]:
    return {"role": message.role, "parts": parts_to_json(message)}


@conversations.command()
@click.option("--user", help="All of an end user, as callers named them, with every agent.")
@click.option("--id", "conversation_id", help="One, by its id in the export.")
@click.option("--session", help="Those to which callers gave this id of their own; needs --agent.")
@click.option("--agent", help="The agent that they were held with (--session).")
def erase(user: str | None, conversation_id: str | None, session: str | None, agent: str | None) -> None:
    """Delete conversations for good, with all that was said there; prints how many there were."""
    if sum(each is not None for each in (user, conversation_id, session)) != 1:
        raise click.UsageError("Name one of --user, --id, --session.")
    if (session is None) != (agent is None):
        raise click.UsageError("--session and --agent go together.")
    if user is not None:
        matching = of_end_user(user)
    elif conversation_id is not None:
        matching = of_id(_stored_id(conversation_id))
    else:
        matching = of_session(agent or "", session or "")
    shared = parts()
    erased = shared.eraser.erase(matching, each_noted(command_line()))
    shared.database.checkpoint()
    click.echo(erased)


@conversations.command()
@click.option("--dry-run", is_flag=True, help="Delete nothing.")
def expire(dry_run: bool) -> None:
    """Delete conversations whose time is over, as `[retention]` has it and the server does by itself; prints how many
    there were."""
    shared = parts()
    if dry_run:
        click.echo(shared.retention.count())
        return
    erased = shared.retention.expire(command_line())
    shared.database.checkpoint()
    click.echo(erased)


@conversations.command()
@click.argument("conversation_id")
def pin(conversation_id: str) -> None:
    """Keep a conversation, by its id in the export, whatever its age."""
    _pin(conversation_id, pinned=True)


@conversations.command()
@click.argument("conversation_id")
def unpin(conversation_id: str) -> None:
    """Let a conversation go in its time again."""
    _pin(conversation_id, pinned=False)


def _pin(conversation_id: str, *, pinned: bool) -> None:
    if not Archive(parts().database).pin(_stored_id(conversation_id), command_line(), pinned=pinned):
        raise click.ClickException(f"There is no conversation {conversation_id!r}.")


def _stored_id(text: str) -> str:
    """Callers see ids with dashes."""
    try:
        return UUID(text).hex
    except ValueError as error:
        raise click.UsageError(f"{text!r} is not the id of a conversation.") from error
