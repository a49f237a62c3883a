"""The command line, a file for each command or group of commands. Standard output carries only what was asked for."""

from flask import Flask

import app.cli.pages  # noqa: F401 - adds its commands to the group `knowledge`
from app.cli.agents import agents
from app.cli.audit import audit
from app.cli.backup import backup, restore
from app.cli.conversations import conversations
from app.cli.keys import keys
from app.cli.knowledge import knowledge
from app.cli.move import move_database
from app.cli.prepare import prepare
from app.cli.reload import reload_server
from app.cli.usage import show_usage
from app.cli.users import users
from app.cli.webhooks import webhooks
from app.cli.workflows import workflows


def register(app: Flask) -> None:
    """Make the commands: `flask prepare`, `flask keys` and so on."""
    for command in (prepare, reload_server, backup, restore, move_database, show_usage):
        app.cli.add_command(command)
    for group in (keys, users, conversations, audit, agents, knowledge, workflows, webhooks):
        app.cli.add_command(group)
