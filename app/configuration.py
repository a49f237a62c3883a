"""What every entry point starts from: the settings, and what they name of the operator's own.

Here alone operators' modules are imported and their workflow files read. Their mistakes are told together with those
in the settings.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from marshmallow import ValidationError

from app.settings.load import load_settings
from app.settings.mistakes import SettingsError, mistake_lines
from app.settings.records import OperatorFiles, Settings
from app.tools import describe_tools, make_tool
from app.tools.base import Tool
from app.workflows.checks import Rules
from app.workflows.definition import Limits, Workflow
from app.workflows.files import read_files


@dataclass(frozen=True, slots=True)
class Configuration:
    """`tools` are those that parlance.toml adds to the built-in ones, by their names; `workflows` are those in files;
    `rules` say what any workflow may use and take."""

    settings: Settings
    tools: Mapping[str, Tool]
    workflows: Sequence[Workflow]
    rules: Rules


def load_configuration(environ: Mapping[str, str] = os.environ) -> Configuration:
    """Adds the folder of parlance.toml to `sys.path`. Raises SettingsError."""
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        problems = [*error.problems]
        if error.files:
            problems += _read(error.files)[-1]
        raise SettingsError(problems) from error
    tools, rules, workflows, problems = _read(settings.files)
    if problems:
        raise SettingsError(problems)
    return Configuration(settings, tools, workflows, rules)


_loaded: list[Configuration] = []


def load_configuration_or_exit(environ: Mapping[str, str] = os.environ) -> Configuration:
    """For the entry points: mistakes go to standard error, one a line, and the process ends with status 2."""
    try:
        _loaded[:] = [load_configuration(environ)]
    except SettingsError as error:
        refuse(*error.problems)
    return _loaded[0]


def loaded_configuration() -> Configuration:
    """What this process, or the one that it was forked from, has loaded last; loaded now where nothing has been. So
    gunicorn's workers work with what their master has checked, at its start or at a reload, whatever the files say when
    one that died is replaced. Mistakes end the process as above."""
    return _loaded[0] if _loaded else load_configuration_or_exit()


def refuse(*problems: str) -> NoReturn:
    """End the process with status 2, naming what is wrong on standard error."""
    print(
        "Parlance cannot start. Please correct:", *(f"  - {problem}" for problem in problems), sep="\n", file=sys.stderr
    )
    sys.exit(2)


def refuse_in_a_line(problem: str) -> NoReturn:
    """Likewise, for what no setting has to be corrected for."""
    print(f"Parlance cannot start: {problem}", file=sys.stderr)
    sys.exit(2)


def _read(files: OperatorFiles) -> tuple[dict[str, Tool], Rules, list[Workflow], list[str]]:
    """What the files hold, and the mistakes in them, a line each."""
    mistakes: dict[str, Any] = {}
    tools = _import_tools(files, mistakes)
    rules, workflows, table = Rules(describe_tools(tools)), [], files.workflows
    if table:
        rules = replace(rules, ceilings=Limits(table.seconds, table.tool_calls, table.model_calls))
        workflows = _read_workflows(files, table.files, rules, mistakes)
    return tools, rules, workflows, [f"{files.config.name}: {line}" for line in mistake_lines(mistakes)]


def _import_tools(files: OperatorFiles, mistakes: dict[str, Any]) -> dict[str, Tool]:
    """The tools by their names. Adds to `mistakes`, by the place in parlance.toml."""
    folder = str(files.config.parent)
    if folder not in sys.path:
        sys.path.append(folder)  # last, to take nobody's name
    tools: dict[str, Tool] = {}
    for name, options in files.tools.items():
        try:
            tools[name] = make_tool(name, options)
        except ValidationError as error:
            mistakes.setdefault("tools", {})[name] = error.messages
    return tools


def _read_workflows(
    files: OperatorFiles, patterns: Sequence[str], rules: Rules, mistakes: dict[str, Any]
) -> list[Workflow]:
    """All workflows that keep to the rules, if each one does. Adds to `mistakes` as above."""
    try:
        workflows = read_files(files.config.parent, patterns, rules)
    except ValidationError as error:
        mistakes["workflows"] = error.messages
        return []
    names = [workflow.name for workflow in workflows]
    for agent_id, name in files.followed.items():
        if name not in names:
            problem = f"There is no workflow {name!r}; there are: {', '.join(names) or 'none'}."
            mistakes.setdefault("agents", {})[agent_id] = {"workflow": problem}
    return workflows
