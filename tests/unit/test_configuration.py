"""What the configuration names of the operator's own: what becomes of it, and how each mistake is named."""

import sys

import pytest

from app.configuration import Configuration, load_configuration
from app.settings.load import load_settings
from app.settings.mistakes import SettingsError

BASE = """
[models.m]
provider = "builtin"

[agents.demo]
model = "m"
"""
MODULES = {
    "parlance_test_good": """
from marshmallow import Schema
from app.tools import tool

@tool("Tells where an order is.", Schema)
def where_is(context):
    return 1
""",
    "parlance_test_broken": "x = 1 / 0",
    "parlance_test_exits": "import sys\nsys.exit(4)",
}


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)

    def load_from(added: str, loader=load_configuration) -> Configuration:
        path = tmp_path / "parlance.toml"
        path.write_text(BASE + added)
        return loader({"PARLANCE_CONFIG": str(path)})

    return load_from


@pytest.fixture
def problems(load):
    def find(added: str) -> list[str]:
        with pytest.raises(SettingsError) as refusal:
            load(added)
        return [problem.removeprefix("parlance.toml: ") for problem in refusal.value.problems]

    return find


def test_a_function_beside_the_file_is_a_tool(load) -> None:
    configuration = load(
        'tools = ["where_is"]\n[tools.where_is]\nfunction = "parlance_test_good:where_is"\nseconds = 9'
    )
    assert configuration.settings.agents["demo"].tools == ("where_is",)
    tool = configuration.tools["where_is"]
    assert (tool.name, tool.description, tool.seconds) == ("where_is", "Tells where an order is.", 9)


def test_http_request_exists_where_it_is_configured(load) -> None:
    configuration = load(
        'tools = ["http_request"]\n[tools.http_request]\nhosts = ["API.example.com", "*.example.org:8443"]\n'
        'private_hosts = ["[::1]:80"]\nmethods = ["GET", "POST"]\nseconds = 2'
    )
    tool = configuration.tools["http_request"]
    assert (tool.name, tool.seconds) == ("http_request", 2)
    assert tool.description.endswith(": api.example.com, *.example.org:8443, [::1]:80.")
    assert tool.spec().parameters["properties"].keys() == {"url", "method", "json"}
    assert tool.spec().parameters["properties"]["method"]["enum"] == ["GET", "POST"]


def test_without_tables_only_the_built_in_tools_exist(load) -> None:
    configuration = load("")
    assert configuration.tools == {}
    assert list(configuration.rules.tools) == ["calculator", "clock", "knowledge", "stuff"]


def test_the_settings_by_themselves_import_nothing(load) -> None:
    path = [*sys.path]
    settings = load("[tools.own]\nfunction = 'parlance_test_exits:f'", load_settings)
    assert settings.files.tools == {"own": {"function": ("parlance_test_exits", "f"), "seconds": 5}}
    assert sys.path == path
    assert "parlance_test_exits" not in sys.modules


def test_all_mistakes_about_tools_are_told_at_once_and_each_once(problems) -> None:
    found = problems(
        "tools = ['one', 'hammer', 'clock']\nmax_tokens = 0\n[agents.b]\nmodel = 'gone'\ntools = ['two', 'saw']\n"
        "[tools.one]\nfunction = 'parlance_test_broken:f'\n[tools.two]\nfunction = 'parlance_test_gone:f'"
    )
    assert sorted(problem.partition(": ")[0] for problem in found) == [
        "agents.b.model",
        "agents.b.tools.1",
        "agents.demo.max_tokens",
        "agents.demo.tools.1",
        "tools.one.function",
        "tools.two.function",
    ]


def test_mistakes_in_the_settings_in_modules_and_in_workflows_are_told_together(problems, tmp_path) -> None:
    (tmp_path / "bad.yaml").write_text("- a")
    found = problems(
        "max_tokens = 0\n[tools.one]\nfunction = 'parlance_test_broken:f'\n[tools.two]\n[workflows]\nfiles = ['*.yaml']"
    )
    assert [problem.partition(": ")[0] for problem in found] == [
        "agents.demo.max_tokens",
        "tools.two.function",
        "tools.one.function",
        "workflows.bad.yaml",
    ]
