"""Which tools the configuration adds, and how each mistake about them is named."""

import pytest

from app.settings.load import load_settings
from app.settings.mistakes import SettingsError
from app.settings.settings import Settings
from app.tools.http_request.hosts import Host

BASE = """
[models.m]
provider = "builtin"

[agents.demo]
model = "m"
"""


@pytest.fixture
def load(tmp_path):
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


def test_a_tool_has_its_options(load) -> None:
    assert load("").files.tools == {}
    settings = load(
        'tools = ["where_is", "http_request"]\n[tools.where_is]\nfunction = "shop.orders:where_is"\nseconds = 9\n'
        '[tools.http_request]\nhosts = ["*.example.org:8443"]'
    )
    assert settings.agents["demo"].tools == ("where_is", "http_request")
    assert settings.files.tools == {
        "where_is": {"function": ("shop.orders", "where_is"), "seconds": 9},
        "http_request": {
            "hosts": [Host("*.example.org", 8443)],
            "private_hosts": [],
            "methods": ["GET"],
            "seconds": 5,
        },
    }


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
