"""`flask workflows check` and `flask workflows draw`: what workflows may take, and what they look like."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

import click
from marshmallow import ValidationError

from app.cli.common import echo_json, json_option
from app.cli.parts import parts
from app.settings.mistakes import mistake_lines
from app.workflows.checks import check
from app.workflows.definition import Workflow
from app.workflows.diagram import mermaid, svg
from app.workflows.files import read_file

workflows = click.Group("workflows", help="Workflows: checked, drawn.")

_COLUMNS = ("workflow", "steps", "depth", "fan-out", "tool calls", "model calls", "seconds")


@workflows.command("check")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def check_workflows(files: tuple[Path, ...], as_json: bool) -> None:
    """Print the worst case of each workflow as a table: of FILES, or of the configured ones."""
    checked = [_read(path) for path in files] if files else parts().configuration.workflows
    bounds = [check(workflow, parts().configuration.rules) for workflow in checked]
    if as_json:
        echo_json([
            {"workflow": workflow.name, **asdict(worst)} for workflow, worst in zip(checked, bounds, strict=True)
        ])  # fmt: skip
        return
    rows = [
        (workflow.name, *map(str, (b.steps, b.depth, b.fan_out, b.tool_calls, b.model_calls)), f"{b.seconds:g}")
        for workflow, b in zip(checked, bounds, strict=True)
    ]
    click.echo(_table([_COLUMNS, *rows]))


@workflows.command()
@click.argument("which")
@click.option("--format", "form", type=click.Choice(["svg", "mermaid"]), default="svg")
def draw(which: str, form: str) -> None:
    """Print a picture of a workflow: WHICH is its name, its id, or a file."""
    workflow = _read(Path(which)) if Path(which).is_file() else _find(which)
    click.echo({"svg": svg, "mermaid": mermaid}[form](workflow), nl=False)


def _find(which: str) -> Workflow:
    configured = parts().configuration.workflows
    try:
        workflow_id = UUID(which).hex
    except ValueError:
        workflow_id = None
    for workflow in configured:
        if workflow.name == which or workflow.id == workflow_id:
            return workflow
    raise click.UsageError(f"There is no workflow {which!r}; there are: {', '.join(each.name for each in configured)}.")


def _read(path: Path) -> Workflow:
    try:
        return read_file(path, parts().configuration.rules)
    except ValidationError as error:
        listed = "\n".join(f"  - {line}" for line in mistake_lines(error.messages))
        raise click.ClickException(f"{path}:\n{listed}") from error


def _table(rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the others, which are numbers, to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        lines.append("  ".join(cells))
    return "\n".join(lines)
