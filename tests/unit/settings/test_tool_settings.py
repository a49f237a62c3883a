"""Which tools the configuration adds, and how each mistake about them is named."""

import sys

import pytest

from app.settings.load import Settings, SettingsError, load_settings
from app.tools import BUILT_IN

BASE = """
[models.m]
provider = "builtin"

[agents.demo]
model = "m"
"""
MODULES = {
    "parlance_test_good": """
from marshmallow import Schema, fields
from app.tools import tool

class Order(Schema):
    number = fields.String(required=True, metadata={"description": "as on the bill"})

@tool("Tells where an order is.", Order)
def where_is(context, number):
    return [number]

def plain(context):
    return 1
""",
    "parlance_test_broken": "x = 1 / 0",
    "parlance_test_syntax": "def x(:",
    "parlance_test_exits": "import sys\nsys.exit(4)",
    "parlance_test_lacks": "import parlance_test_gone",
    "parlance_test_wrong": """
from marshmallow import Schema, fields
from app.tools import tool

class Order(Schema):
    number = fields.String()

@tool("Takes another name.", Order)
def where_is(context, order):
    return order
""",
    "parlance_test_async": """
from marshmallow import Schema
from app.tools import tool

@tool("Waits.", Schema)
async def where_is(context):
    return 1
""",
    "parlance_test_bare": "from app.tools import tool\n@tool\ndef where_is(context): ...",
}


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)

    def load_from(added: str) -> Settings:
        path = tmp_path / "parlance.toml"
        path.write_text(BASE + added)
        return load_settings({"PARLANCE_CONFIG": str(path)})

    return load_from


@pytest.fixture
def problems(load):
    def find(added: str) -> list[str]:
        with pytest.raises(SettingsError) as refusal:
            load(added)
        return [problem.removeprefix("parlance.toml: ") for problem in refusal.value.problems]

    return find


def test_a_function_beside_the_file_is_a_tool(load) -> None:
    settings = load('tools = ["where_is"]\n[tools.where_is]\nfunction = "parlance_test_good:where_is"\nseconds = 9')
    assert settings.agents["demo"].tools == ("where_is",)
    tool = settings.tools["where_is"]
    assert (tool.name, tool.description, tool.seconds) == ("where_is", "Tells where an order is.", 9)
    assert tool.spec().parameters["properties"]["number"] == {"type": "string", "description": "as on the bill"}
    assert sys.modules["parlance_test_good"].where_is(None, "7") == ["7"], "it is still called like a function"


def test_http_request_exists_where_it_is_configured(load) -> None:
    settings = load(
        'tools = ["http_request"]\n[tools.http_request]\nhosts = ["API.example.com", "*.example.org:8443"]\n'
        'private_hosts = ["[::1]:80"]\nmethods = ["GET", "POST"]\nseconds = 2'
    )
    tool = settings.tools["http_request"]
    assert (tool.name, tool.seconds) == ("http_request", 2)
    assert tool.description.endswith(": api.example.com, *.example.org:8443, [::1]:80.")
    assert tool.spec().parameters["properties"].keys() == {"url", "method", "json"}
    assert tool.spec().parameters["properties"]["method"]["enum"] == ["GET", "POST"]


def test_without_tables_only_the_built_in_tools_exist(load) -> None:
    assert load("").tools == {}
    assert list(BUILT_IN) == ["calculator", "clock", "knowledge", "stuff"]


def own(function: str, more: str = "") -> str:
    return f'[tools.own]\nfunction = "{function}"\n{more}'


HTTP = "[tools.http_request]\n"
MISTAKES = [
    ("tools = ['http_request']", "agents.demo.tools.0: Must be one of: calculator, clock, knowledge, stuff."),
    ("tools = ['clock', 'own']", "agents.demo.tools.1: Must be one of: calculator, clock, knowledge, stuff."),
    ("tools = [1]", "agents.demo.tools.0: Not a valid string."),
    ("[tools]\nown = 1", "tools.own: Invalid input type."),
    ("[tools.own]", "tools.own.function: Missing data for required field."),
    (own("parlance_test_good"), "tools.own.function: Not a place such as module:function."),
    (own("os.path:join()"), "tools.own.function: Not a place such as module:function."),
    (own(".relative:f"), "tools.own.function: Not a place such as module:function."),
    ("[tools.own]\nfunction = 5", "tools.own.function: Not a valid string."),
    (
        own("parlance_test_gone:f"),
        "tools.own.function: There is no module 'parlance_test_gone', beside parlance.toml or",
    ),
    (own("parlance_test_good.deeper:f"), "tools.own.function: There is no module 'parlance_test_good.deeper'"),
    (own("parlance_test_good:gone"), "tools.own.function: The module 'parlance_test_good' has no 'gone'."),
    (own("parlance_test_good:plain"), "tools.own.function: 'plain' is not decorated with @tool(...)."),
    (own("parlance_test_good:Order"), "tools.own.function: 'Order' is not decorated with @tool(...)."),
    (
        own("parlance_test_broken:f"),
        "tools.own.function: The module 'parlance_test_broken' cannot be imported: ZeroDivisionError: division by zero",
    ),
    (own("parlance_test_syntax:f"), "tools.own.function: The module 'parlance_test_syntax' cannot be imported: Synt"),
    (
        own("parlance_test_exits:f"),
        "tools.own.function: The module 'parlance_test_exits' cannot be imported: SystemExit: 4",
    ),
    (
        own("parlance_test_lacks:f"),
        "tools.own.function: The module 'parlance_test_lacks' cannot be imported: ModuleNotFoundError: No module named",
    ),
    (own("parlance_test_wrong:where_is"), "tools.own.function: The module 'parlance_test_wrong' cannot be imported: T"),
    (own("parlance_test_async:where_is"), "tools.own.function: The module 'parlance_test_async' cannot be imported: T"),
    (own("parlance_test_bare:where_is"), "tools.own.function: The module 'parlance_test_bare' cannot be imported: T"),
    (own("parlance_test_good:where_is", "seconds = 0"), "tools.own.seconds: Must be greater than 0"),
    (own("parlance_test_good:where_is", "seconds = 121"), "tools.own.seconds: Must be greater than 0"),
    (own("parlance_test_good:where_is", "seconds = nan"), "tools.own.seconds: "),
    (own("parlance_test_good:where_is", "threads = 2"), "tools.own.threads: Unknown field."),
    ("[tools.clock]\nfunction = 'parlance_test_good:where_is'", "tools.clock: This is the name of a built-in tool"),
    ("[tools.'a.b']\nfunction = 'parlance_test_good:where_is'", "tools.a.b: Use 1 to 64 letters, digits, dashes"),
    (
        "tools = ['clock']\n[agents.demo.client_tools.clock]\ndescription = 'x'",
        "agents.demo.client_tools: 'clock' is among the agent's tools already.",
    ),
    ("tools = ['clock', 'calculator', 'clock']", "agents.demo.tools: Names 'clock' twice."),
    (HTTP, "tools.http_request.hosts: Name the hosts that may be reached"),
    (HTTP + "hosts = []", "tools.http_request.hosts: Name the hosts that may be reached"),
    (HTTP + "hosts = ['*']", "tools.http_request.hosts.0: '*' is not a host such as"),
    (HTTP + "hosts = ['a.example', '*.com']", "tools.http_request.hosts.1: '*.com' covers too much"),
    (HTTP + "hosts = ['https://a.example']", "tools.http_request.hosts.0: 'https://a.example' is not a host such as"),
    (HTTP + "private_hosts = [5]", "tools.http_request.private_hosts.0: Not a valid string."),
    (HTTP + "hosts = ['a.example']\nmethods = []", "tools.http_request.methods: Shorter than minimum length 1."),
    (HTTP + "hosts = ['a.example']\nmethods = ['get']", "tools.http_request.methods.0: Must be one of: GET, HEAD"),
    (HTTP + "hosts = ['a.example']\nmethods = ['CONNECT']", "tools.http_request.methods.0: Must be one of: GET, HEAD"),
    (HTTP + "hosts = ['a.example']\nseconds = 500", "tools.http_request.seconds: "),
    (HTTP + "hosts = ['a.example']\nfunction = 'a:b'", "tools.http_request.function: Unknown field."),
]


@pytest.mark.parametrize(("added", "mistake"), MISTAKES, ids=lambda value: str(value)[-40:])
def test_a_mistake_about_a_tool_is_named_by_its_place_and_alone(problems, added, mistake) -> None:
    (found,) = problems(added)
    assert found.startswith(mistake)
    assert "\n" not in found


def test_tools_that_are_no_table_are_named(tmp_path) -> None:
    (tmp_path / "parlance.toml").write_text("tools = 5" + BASE)
    with pytest.raises(SettingsError) as refusal:
        load_settings({"PARLANCE_CONFIG": str(tmp_path / "parlance.toml")})
    assert refusal.value.problems == ["parlance.toml: tools: Not a valid mapping type."]


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
