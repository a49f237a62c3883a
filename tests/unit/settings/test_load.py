"""What the server may be told, by environment and parlance.toml, and how each mistake is named."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from app.engine.agent import Agent
from app.settings.load import ROOT, load_settings
from app.settings.mistakes import SettingsError
from app.settings.settings import ModelSettings, Server, Settings

CONFIG = """
[models.m]
provider = "builtin"

[agents.demo]
model = "m"
"""


@pytest.fixture
def load(tmp_path):
    """The settings that a configuration file and an environment make."""

    def load_from(config: str | bytes = CONFIG, **environ: str) -> Settings:
        path = tmp_path / "parlance.toml"
        path.write_bytes(config if isinstance(config, bytes) else config.encode())
        return load_settings({"PARLANCE_CONFIG": str(path)} | environ)

    return load_from


@pytest.fixture
def problems(load):
    """The mistakes found, one string each."""

    def find(config: str | bytes = CONFIG, **environ: str) -> list[str]:
        with pytest.raises(SettingsError) as refusal:
            load(config, **environ)
        return refusal.value.problems

    return find


def test_what_is_not_said_has_a_default(load) -> None:
    settings = load()
    assert (settings.port, settings.trusted_hops, settings.allowed_origins) == (8000, 0, frozenset())
    assert settings.home == ROOT / "instance"
    assert settings.database_url == f"sqlite:///{ROOT / 'instance' / 'parlance.db'}"
    assert settings.server == Server(
        15, 262_144, 20, 30, 1000, 25, 0.5, 5, 30, log_messages=False, sign_up=False, playground=True, reference=True
    )
    assert settings.models == {"m": ModelSettings("builtin", {"pace": 0.02})}
    assert settings.agents == {"demo": Agent(id="demo", name="demo", models=("m",))}
    assert (settings.limits, settings.public_agent) == ({}, None)


@pytest.mark.parametrize(
    ("environ", "attribute", "value"),
    [
        ({"PORT": "9000"}, "port", 9000),
        ({"PORT": "  "}, "port", 8000),
        ({"PARLANCE_HOME": "/var/lib/parlance"}, "home", Path("/var/lib/parlance")),
        ({"PARLANCE_HOME": "/var/lib/parlance"}, "database_url", "sqlite:////var/lib/parlance/parlance.db"),
        ({"PARLANCE_HOME": "data"}, "home", Path.cwd() / "data"),
        ({"DATABASE_URL": "sqlite:////tmp/x.db"}, "database_url", "sqlite:////tmp/x.db"),
        ({"PARLANCE_TRUSTED_HOPS": "2"}, "trusted_hops", 2),
        ({"WEB_CONCURRENCY": "1"}, "port", 8000),
        ({"REDIS_URL": ""}, "port", 8000),
        (
            {"PARLANCE_ALLOWED_ORIGINS": "https://A.example/, http://localhost:3000\nhttps://b.example"},
            "allowed_origins",
            {"https://a.example", "http://localhost:3000", "https://b.example"},
        ),
    ],
)
def test_each_environment_variable_is_heard(load, environ, attribute, value) -> None:
    assert getattr(load(**environ), attribute) == value


def test_everything_in_the_file_is_heard(load, tmp_path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A")
    settings = load(
        """
        [models.b]
        provider = "builtin"
        pace = 0
        aliases = ["gpt-4", "best"]
        [models.s]
        provider = "scripted"
        script = [{text = "Moin"}]
        [agents.one]
        name = "One"
        model = "s"
        instructions = "Be brief."
        tools = ["clock"]
        knowledge = ["docs/*.md"]
        public = true
        allow_system = true
        show_tools = true
        max_tokens = 7
        max_rounds = 3
        history_messages = 4
        history_tokens = 500
        [limits]
        workers = "5/second;100/hour"
        [server]
        heartbeat_seconds = 0.5
        body_bytes = 2048
        body_seconds = 1
        send_seconds = 2
        streams = 3
        shutdown_seconds = 4
        retry_seconds = 0
        circuit_failures = 7
        circuit_seconds = 8
        log_messages = true
        sign_up = true
        playground = false
        reference = false
        """
    )
    one = Agent(
        *("one", "One", ("s",), "Be brief.", ("clock",)),
        knowledge=(str(tmp_path / "docs/*.md"),),
        public=True,
        allow_system=True,
        show_tools=True,
        max_tokens=7,
        max_rounds=3,
        history_messages=4,
        history_tokens=500,
    )
    assert settings.agents == {"one": one}
    assert settings.public_agent == one
    assert settings.models == {
        "b": ModelSettings("builtin", {"pace": 0.0}, aliases=("gpt-4", "best")),
        "s": ModelSettings("scripted", {"script": [{"text": "Moin"}]}),
    }
    assert [settings.model_called(name) for name in ("b", "best", "s", "worst")] == ["b", "b", "s", None]
    assert settings.limits == {"workers": "5/second;100/hour"}
    assert settings.server == Server(
        0.5, 2048, 1, 2, 3, 4, 0, 7, 8, log_messages=True, sign_up=True, playground=False, reference=False
    )


MISTAKES_IN_THE_ENVIRONMENT: list[tuple[Mapping[str, str], str]] = [
    ({"PORT": "http"}, "PORT: Not a valid integer."),
    ({"PORT": "70000"}, "PORT: "),
    ({"PARLANCE_TRUSTED_HOPS": "-1"}, "PARLANCE_TRUSTED_HOPS: "),
    ({"WEB_CONCURRENCY": "2"}, "WEB_CONCURRENCY: More than one worker needs a shared place for rate limits"),
    ({"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY: "),
    ({"WEB_CONCURRENCY": "auto"}, "WEB_CONCURRENCY: "),
    ({"REDIS_URL": "redis://localhost"}, "REDIS_URL: This version cannot use Redis yet"),
    ({"DATABASE_URL": "not a url"}, "DATABASE_URL: Not a database URL"),
    ({"DATABASE_URL": "nosuch://host/db"}, "DATABASE_URL: Not a database URL"),
    ({"DATABASE_URL": "mysql://host/db"}, "DATABASE_URL: The database's driver is not installed"),
    ({"DATABASE_URL": "postgresql://user:hunter2@host:port/db"}, "DATABASE_URL: Not a database URL"),
    ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL: SQLite needs a file"),
    ({"DATABASE_URL": "sqlite:///:memory:"}, "DATABASE_URL: SQLite needs a file"),
    ({"PARLANCE_ALLOWED_ORIGINS": "*"}, "PARLANCE_ALLOWED_ORIGINS: '*' is not an origin"),
    ({"PARLANCE_ALLOWED_ORIGINS": "https://a.example/path"}, "PARLANCE_ALLOWED_ORIGINS: "),
    ({"PARLANCE_CONFIG": "/nowhere/other.toml"}, "PARLANCE_CONFIG: /nowhere/other.toml cannot be read: No such file"),
    ({"PARLANCE_CONFIG": "/"}, "PARLANCE_CONFIG: / cannot be read: Is a directory"),
]


@pytest.mark.parametrize(("environ", "mistake"), MISTAKES_IN_THE_ENVIRONMENT, ids=str)
def test_a_mistake_in_the_environment_is_named_by_its_variable(problems, environ, mistake) -> None:
    (found,) = problems(**environ)
    assert found.startswith(mistake)
    assert "hunter2" not in found


AGENT = CONFIG.strip() + "\n"
MISTAKES_IN_THE_FILE = [
    ("models =", "not TOML: "),
    (b"# \xff\xfe", "not TOML: "),
    ("[models.m]\nprovider = 'builtin'", "agents: Missing data for required field."),
    ("[agents]", "models: Missing data for required field."),
    ("models = 1\n[agents]", "models: Not a valid mapping type."),
    (AGENT + "[weather]", "weather: Unknown field."),
    (AGENT + "[models.n]", "models.n.provider: Missing data for required field."),
    (
        AGENT + "[models.n]\nprovider = 'oracle'",
        "models.n.provider: Must be one of: anthropic, builtin, openai, scripted.",
    ),
    (AGENT + "[models.n]\nprovider = 'builtin'\npace = 'slow'", "models.n.pace: Not a valid number."),
    (AGENT + "[models.n]\nprovider = 'builtin'\nspeed = 1", "models.n.speed: Unknown field."),
    (AGENT + "[models.n]\nprovider = 'scripted'\nscript = [{}]", "models.n.script.0: Exactly one of "),
    (AGENT + "[models.'a b']\nprovider = 'builtin'", "models.a b: Use 1 to 64 letters"),
    (AGENT + "[agents.'']\nmodel = 'm'", "agents."),
    (AGENT + "[agents.a]", "agents.a.model: Missing data for required field."),
    (AGENT + "[agents.a]\nmodel = 'other'", "agents.a.model: There is no model 'other'; there are: m."),
    (
        AGENT + "tools = ['calculator', 'hammer']",
        "agents.demo.tools.1: Must be one of: calculator, clock, knowledge, stuff.",
    ),
    (AGENT + "knowledge = ['*.pdf']", "agents.demo.knowledge: No file matches '*.pdf'."),
    (AGENT + "max_tokens = 0", "agents.demo.max_tokens: Must be greater than or equal to 1."),
    (AGENT + "public = 'yes'", "agents.demo.public: Not a valid boolean."),
    (AGENT + "colour = 'red'", "agents.demo.colour: Unknown field."),
    (AGENT + "public = true\n[agents.b]\nmodel = 'm'\npublic = true", "agents.b.public: Only one agent can be public"),
    (AGENT + "[limits]\ntelegraph = '1/minute'", "limits.telegraph: Must be one of: "),
    (AGENT + "[limits]\nworkers = 'often'", "limits.workers: Not a limit such as 30/minute."),
    (AGENT + "[limits]\nworkers = ''", "limits.workers: Not a limit such as 30/minute."),
    (AGENT + "[server]\nstreams = 0", "server.streams: "),
    (AGENT + "[server]\nstreams = 1.5", "server.streams: Not a valid integer."),
    (AGENT + "[server]\nheartbeat_seconds = 0", "server.heartbeat_seconds: Must be greater than 0"),
    (AGENT + "[server]\nheartbeat_seconds = nan", "server.heartbeat_seconds: "),
    (AGENT + "[server]\nbody_bytes = '1 MB'", "server.body_bytes: Not a valid integer."),
    (AGENT + "[server]\nlog_messages = 'no'", "server.log_messages: Not a valid boolean."),
    (AGENT + "[server]\nport = 80", "server.port: Unknown field."),
    (AGENT + "[server]\nsign_up = 'yes'", "server.sign_up: Not a valid boolean."),
    (
        AGENT + "[models.n]\nprovider = 'builtin'\naliases = ['m']",
        "models.n.aliases: 'm' is a model's name already.",
    ),
    (
        AGENT + "[models.n]\nprovider = 'builtin'\naliases = ['a']\n[models.o]\nprovider = 'builtin'\naliases = ['a']",
        "models.o.aliases: 'a' is an alias of 'n' already.",
    ),
    (
        AGENT + "[models.n]\nprovider = 'builtin'\naliases = ['a', 'a']",
        "models.n.aliases: 'a' is an alias of 'n' already",
    ),
    (AGENT + "[models.n]\nprovider = 'builtin'\naliases = 'a'", "models.n.aliases: Not a valid list."),
    (AGENT + "[models.n]\nprovider = 'builtin'\naliases = ['a b']", "models.n.aliases.0: Use 1 to 64 letters"),
]


@pytest.mark.parametrize(("config", "mistake"), MISTAKES_IN_THE_FILE, ids=lambda value: str(value)[-40:])
def test_a_mistake_in_the_file_is_named_by_its_place_and_alone(problems, config, mistake) -> None:
    (found,) = problems(config)
    assert found.startswith(f"parlance.toml: {mistake}")


def test_all_mistakes_are_told_at_once(problems) -> None:
    config = AGENT + "tools = ['hammer']\n[agents.b]\nmodel = 'x'\n[limits]\nworkers = 'often'\n[server]\nstreams = 0"
    found = problems(config, PORT="x", REDIS_URL="redis://x", WEB_CONCURRENCY="3")
    assert [problem.partition(": ")[0] for problem in found if not problem.startswith("parlance.toml")] == [
        *("PORT", "REDIS_URL", "WEB_CONCURRENCY")
    ]
    in_the_file = {problem.split(": ")[1] for problem in found if problem.startswith("parlance.toml: ")}
    assert in_the_file == {"agents.demo.tools.0", "agents.b.model", "limits.workers", "server.streams"}
    assert len(found) == 7


def test_the_shipped_configuration_loads() -> None:
    settings = load_settings({})
    assert settings.public_agent
    assert settings.public_agent.id == "demo"
    assert {name for agent in settings.agents.values() for name in agent.models} <= settings.models.keys()
