"""Workflows that an operator keeps as files: what the start refuses, and what the command line prints and draws."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from app.configuration import load_configuration
from app.settings.mistakes import SettingsError
from app.testing.configuration import CONFIG
from app.testing.server import ROOT, Server

SHIPPED = sorted((ROOT / "config" / "workflows").glob("*.yaml"))
IDS = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("workflows")


@pytest.fixture(scope="module")
def commands(folder) -> Iterator[Server]:
    """A server that is never started: its command line, with the shipped workflows."""
    server = Server(folder, config=f'{CONFIG}\n[workflows]\nfiles = ["{ROOT}/config/workflows/*.yaml"]\n')
    yield server
    server.close()


def test_the_shipped_workflows_pass_and_their_worst_cases_are_a_table(commands) -> None:
    head, *rows = commands.flask("workflows", "check").stdout.splitlines()
    assert head.split("  ")[0] == "workflow"
    assert re.split(r" {2,}", head)[1:] == ["steps", "depth", "fan-out", "tool calls", "model calls", "seconds"]
    assert [re.split(r" {2,}", each) for each in rows] == [
        ["Answer from knowledge", "3", "2", "2", "2", "1", "60"],
        ["Fetch and merge", "4", "2", "3", "3", "0", "5"],
        ["Price with tax", "5", "3", "2", "2", "1", "30"],
    ]
    assert len({len(line) for line in (head, *rows)}) == 1


def test_a_bad_file_is_status_1_and_its_mistakes_by_their_places(commands, folder) -> None:
    (folder / "bad.yaml").write_text(f"id: {IDS[0]}\nname: Bad\nsteps:\n- {{id: a, tool: gun}}\n- {{id: a, say: b}}\n")
    ran = commands.flask("workflows", "check", str(folder / "bad.yaml"), check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.splitlines() == [
        f"Error: {folder / 'bad.yaml'}:",
        "  - steps.0.tool: There is no tool 'gun'; there are: calculator, clock, knowledge, stuff.",
        "  - steps.1.id: There are two steps 'a'.",
    ]


def test_arguments_that_a_tool_does_not_take_are_a_mistake(commands, folder) -> None:
    steps = "- {id: a, tool: clock, args: {zoen: UTC}}\n- {id: b, tool: calculator}\n"
    (folder / "args.yaml").write_text(f"id: {IDS[0]}\nname: Bad\nsteps:\n{steps}")
    ran = commands.flask("workflows", "check", str(folder / "args.yaml"), check=False)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[1:] == [
        "  - steps.0.args: clock takes no 'zoen'; it takes: zone.",
        "  - steps.1.args: calculator needs 'expression'.",
    ]


def test_a_workflow_is_drawn_by_its_name_its_id_or_its_file(commands) -> None:
    drawn = commands.flask("workflows", "draw", "Fetch and merge").stdout
    texts = [each.text for each in ET.fromstring(drawn).iter() if each.tag.endswith("}text")]
    assert texts == [
        *("What was asked", "knowledge", "Where there is help", "knowledge", "Time", "clock", "Merge", "text")
    ]
    by_id = ("workflows", "draw", "3b9d5b0e-7f1c-4c66-9a0e-2f6f1d8f4a25", "--format", "mermaid")
    by_file = ("workflows", "draw", str(SHIPPED[1]), "--format", "mermaid")
    lines = commands.flask(*by_id).stdout.splitlines()
    assert commands.flask(*by_file).stdout.splitlines() == lines
    assert (lines[0], len(lines), sum("-->" in line for line in lines)) == ("flowchart TD", 1 + 4 + 3, 3)
    unknown = commands.flask("workflows", "draw", "Nothing", check=False)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "'Nothing'; there are: Answer from knowledge, Fetch and merge, Price with tax." in unknown.stderr


def configured(folder: Path, files: dict[str, str], tables: str = "", patterns: str = '"w/*.yaml"') -> list[str]:
    """What the start finds wrong with a configuration of these workflow files."""
    (folder / "w").mkdir(exist_ok=True)
    (folder / "knowledge").mkdir(exist_ok=True)
    (folder / "knowledge" / "a.md").write_text("a")
    for name, text in files.items():
        (folder / "w" / name).write_text(text)
    (folder / "parlance.toml").write_text(f"{CONFIG}{tables}\n[workflows]\nfiles = [{patterns}]\n")
    try:
        load_configuration({"PARLANCE_CONFIG": str(folder / "parlance.toml"), "PARLANCE_HOME": str(folder)})
    except SettingsError as error:
        return error.problems
    return []


def written(number: int, name: str, rest: str = "steps: [{id: a, say: b}]") -> str:
    return f"id: {IDS[number]}\nname: {name}\n{rest}\n"


BAD_FILES = {
    "one id": ({"a.yaml": written(0, "A"), "b.yaml": written(0, "B")}, "workflows.b.yaml.id: Another workflow has"),
    "one name": ({"a.yaml": written(0, "A"), "b.yaml": written(1, "A")}, "workflows.b.yaml.name: Another workflow has"),
    "no YAML": ({"a.yaml": "a: [b"}, "workflows.a.yaml: Cannot be read: while parsing"),
    "no mapping": ({"a.yaml": "- a"}, "workflows.a.yaml: Not a mapping."),
    "nothing": ({"a.yaml": ""}, "workflows.a.yaml: Not a mapping."),
    "no id": ({"a.yaml": "name: A"}, "workflows.a.yaml.id: A workflow in a file needs a UUID as its id."),
    "another's object": (
        {"a.yaml": "!!python/object/apply:os.system [id]"}, "workflows.a.yaml: Cannot be read: could not determine"),
    "a mistake in a step": (
        {"a.yaml": written(0, "A", "steps: [{id: a, say: '{{ x }}'}]")},
        "workflows.a.yaml.steps.0.say: There is no 'x' here"),
    "too much for the ceilings": (
        {"a.yaml": written(0, "A", "steps: [{id: a, prompt: b}]\nlimits: {seconds: 121}")},
        "workflows.a.yaml.limits.seconds: 121 seconds could be spent on a run; 120 is the most."),
    "nested without end": ({"a.yaml": "steps: " + "[" * 1000}, "workflows.a.yaml: "),
    "a NUL": (
        {"a.yaml": written(0, "A", 'steps: [{id: a, say: "b\\0"}]')},
        "workflows.a.yaml.steps.0.say: Must not have the character NUL"),
    "no file": ({}, "workflows.w/*.yaml: No file matches."),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_workflow_is_named_at_the_start(tmp_path, name) -> None:
    files, place = BAD_FILES[name]
    (problem,) = configured(tmp_path, files)
    assert problem.startswith(f"parlance.toml: {place}")


@pytest.mark.parametrize("value", ["2026-13-45", "2026-01-01", ".inf", "9" * 30, "!!binary aGk=", "&a [*a]"])
def test_arguments_that_json_could_not_say_are_named_at_the_start(tmp_path, value) -> None:
    file = written(0, "A", f"steps: [{{id: a, tool: clock, args: {{zone: {value}}}}}]")
    (problem,) = configured(tmp_path, {"a.yaml": file})
    assert problem.startswith("parlance.toml: workflows.a.yaml: ")


def test_an_agent_that_follows_an_unknown_workflow_is_named_at_the_start(tmp_path) -> None:
    agent = '\n[agents.lost]\nmodel = "scripted"\nworkflow = "B"\n'
    assert configured(tmp_path, {"a.yaml": written(0, "A")}, agent) == [
        "parlance.toml: agents.lost.workflow: There is no workflow 'B'; there are: A."
    ]
    assert configured(tmp_path, {"b.yaml": written(1, "B")}, agent) == []


def test_the_mistakes_of_every_file_are_told_together(tmp_path) -> None:
    files = {"a.yaml": "- a", "b.yaml": written(1, "B", "steps: []"), "c.yaml": written(2, "C")}
    found = configured(tmp_path, files, patterns='"w/*.yaml", "x/*"')
    assert [line.partition(": ")[2].partition(":")[0] for line in found] == [
        *("workflows.a.yaml", "workflows.b.yaml.steps", "workflows.x/*")
    ]


@pytest.mark.parametrize("ceilings", ["seconds = 0", "tool_calls = -1", "model_calls = 1.5", "wat = 1", "files = 5"])
def test_ceilings_that_cannot_be_are_named_at_the_start(tmp_path, ceilings) -> None:
    (problem,) = configured(tmp_path, {"a.yaml": written(0, "A")}, patterns=f'"w/*.yaml"]\n{ceilings}\n#')
    assert problem.startswith(("parlance.toml: workflows.", "parlance.toml: not TOML"))
