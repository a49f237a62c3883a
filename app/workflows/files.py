"""Reads the workflows that an operator keeps as YAML files."""

import glob
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import yaml
from marshmallow import ValidationError

from app.engine.texts import places_of_nul
from app.workflows.checks import Rules, check
from app.workflows.definition import Workflow, read


def read_files(folder: Path, patterns: Sequence[str], rules: Rules) -> list[Workflow]:
    """The workflows of all files that match a pattern (a glob within `folder`), in the order of patterns and paths.

    Raises ValidationError with the mistakes of all files, by their names.
    """
    workflows: dict[str, Workflow] = {}  # by path: a file may match several patterns
    mistakes: dict[str, Any] = {}
    for pattern in patterns:
        paths = sorted(glob.glob(str(folder / pattern), recursive=True))  # noqa: PTH207
        if not paths:
            mistakes[pattern] = ["No file matches."]
        for path in map(Path, paths):
            try:
                workflow = read_file(path, rules)
                _check_unique(workflow, workflows.values())
            except ValidationError as error:
                mistakes[path.name] = error.messages
            else:
                workflows[str(path)] = workflow
    if mistakes:
        raise ValidationError(mistakes)
    return list(workflows.values())


def read_file(path: Path, rules: Rules) -> Workflow:
    """The workflow, read and checked. Raises ValidationError."""
    try:
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))
        json.dumps(definition, allow_nan=False)
        orjson.dumps(definition)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValidationError(f"Cannot be read: {error}") from error
    except (TypeError, ValueError, RecursionError) as error:  # dates, infinite numbers, circles
        raise ValidationError(f"Not what JSON could say: {error}") from error
    with_nul = [*places_of_nul(definition)]
    if with_nul:
        raise ValidationError(dict.fromkeys(with_nul, "Must not have the character NUL (U+0000)."))
    if not isinstance(definition, dict):
        raise ValidationError("Not a mapping.")
    try:
        workflow_id = UUID(str(definition.pop("id", None))).hex
    except ValueError as error:
        raise ValidationError({"id": ["A workflow in a file needs a UUID as its id."]}) from error
    workflow = read(workflow_id, 1, definition)
    check(workflow, rules)
    return workflow


def _check_unique(workflow: Workflow, others: Iterable[Workflow]) -> None:
    if any(workflow.id == other.id for other in others):
        raise ValidationError({"id": ["Another workflow has this id."]})
    if any(workflow.name == other.name for other in others):
        raise ValidationError({"name": ["Another workflow has this name."]})
