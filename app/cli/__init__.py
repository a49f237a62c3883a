"""The command line, a file for each command or group of commands: `parlance keys`, and `flask keys` as well.

Standard output carries only what was asked for. A command's file is imported when that command is called, and imports
itself what only one of its commands needs where that one runs: so nobody waits for what others need.
"""

from importlib import import_module
from typing import Any

import click

COMMANDS = {
    "prepare": ("prepare", "prepare", "Bring the database up to date, and the indexes of knowledge."),
    "reload": ("reload", "reload_server", "Have the running server read parlance.toml anew."),
    "backup": ("backup", "backup", "Write the database and the installation's secret to a file."),
    "restore": ("backup", "restore", "Put the database and the secret of a backup in their places."),
    "move": ("move", "move_database", "Copy a SQLite database into an empty PostgreSQL database."),
    "doctor": ("doctor", "doctor", "Check the installation, and the way to it."),
    "keys": ("keys", "keys", "API keys: made, listed, changed, rotated, revoked."),
    "users": ("users", "users", "People who sign in: made, listed, disabled, enabled, given a new password, deleted."),
    "conversations": ("conversations", "conversations", "What was said: exported, erased, kept."),
    "audit": ("audit", "audit", "Who did what to keys, users and conversations."),
    "usage": ("usage", "show_usage", "What answers have taken: tokens, credits, money."),
    "agents": ("agents", "agents", "Who answers: checked and listed."),
    "knowledge": ("pages", "knowledge", "What agents may answer from: added, checked, asked."),
    "webhooks": ("webhooks", "webhooks", "Webhooks: listed, tested, tried again."),
    "workflows": ("workflows", "workflows", "Workflows: checked, drawn."),
}
"""Of each command its file, its name there, and what it is for."""


def main() -> None:
    """`parlance`, the program."""
    parlance.main(prog_name="parlance")


class _Commands(click.Group):
    """Lists what COMMANDS says, and imports only the command that is called."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name in COMMANDS else self.commands[str(name)], rest


class FlaskCommands(click.Group):
    """The same as `flask prepare`, `flask keys` and so on. A server, which has them too, imports none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return _load(cmd_name) if cmd_name in COMMANDS else None


def _load(name: str) -> click.Command:
    file, attribute, summary = COMMANDS[name]
    command: click.Command = getattr(import_module(f"app.cli.{file}"), attribute)
    command.short_help = summary
    return command


@click.group(
    cls=_Commands, commands={name: click.Command(name, short_help=about) for name, (*_, about) in COMMANDS.items()}
)
def parlance() -> None:
    """What there is to do for those who run Parlance. The settings are those of the server: the environment's
    variables, and the configuration file that PARLANCE_CONFIG names."""


@parlance.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands: eval "$(parlance completion bash)" in ~/.bashrc."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made
    click.echo(made(parlance, {}, "parlance", "_PARLANCE_COMPLETE").source())
