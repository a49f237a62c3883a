"""The environment and parlance.toml together: what they make, and that all mistakes are told at once."""

import pytest

from app.engine.agent import Agent
from app.knowledge.files import matching_files, pages_folder, pages_pattern
from app.settings.load import load_settings
from app.settings.place import ROOT
from app.settings.records import ModelSettings, RetentionSettings, Server


def test_what_is_not_said_has_a_default(load) -> None:
    settings = load()
    assert (settings.port, settings.trusted_hops, settings.allowed_origins) == (8000, 0, frozenset())
    assert settings.home == ROOT / "instance"
    assert settings.database_url == f"sqlite:///{ROOT / 'instance' / 'parlance.db'}"
    assert settings.server == Server(
        heartbeat_seconds=15,
        body_bytes=262_144,
        body_seconds=20,
        send_seconds=30,
        streams=1000,
        streams_per_caller=10,
        streams_per_key=200,
        answer_seconds=900,
        rejoin_seconds=30,
        answer_bytes=2**20,
        stored_bytes_per_day=20_000_000,
        shutdown_seconds=25,
        retry_seconds=0.5,
        circuit_failures=5,
        circuit_seconds=30,
        log_messages=False,
        sign_up=False,
        playground=True,
        reference=True,
    )
    assert settings.models == {"m": ModelSettings("builtin", {"pace": 0.02})}
    pages = pages_pattern(ROOT / "instance", "demo")
    assert settings.agents == {"demo": Agent(id="demo", name="demo", models=("m",), knowledge=(pages,))}
    assert (settings.limits, settings.public_agent) == ({}, None)
    assert settings.retention == RetentionSettings(None, {}, {}, 400)


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
        [retention]
        days = 90
        agents = { one = 30 }
        channels = { workers = 7, widget = 14 }
        audit_days = 30

        [limits]
        workers = "5/second;100/hour"
        [server]
        heartbeat_seconds = 0.5
        body_bytes = 2048
        body_seconds = 1
        send_seconds = 2
        streams = 3
        streams_per_caller = 2
        streams_per_key = 1
        answer_seconds = 60
        rejoin_seconds = 0
        answer_bytes = 5000
        stored_bytes_per_day = 10000
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
        knowledge=(str(tmp_path / "docs/*.md"), pages_pattern(ROOT / "instance", "one")),
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
    assert settings.retention == RetentionSettings(90, {"one": 30}, {"workers": 7, "widget": 14}, 30)
    assert settings.limits == {"workers": "5/second;100/hour"}
    assert settings.server == Server(
        heartbeat_seconds=0.5,
        body_bytes=2048,
        body_seconds=1,
        send_seconds=2,
        streams=3,
        streams_per_caller=2,
        streams_per_key=1,
        answer_seconds=60,
        rejoin_seconds=0,
        answer_bytes=5000,
        stored_bytes_per_day=10_000,
        shutdown_seconds=4,
        retry_seconds=0,
        circuit_failures=7,
        circuit_seconds=8,
        log_messages=True,
        sign_up=True,
        playground=False,
        reference=False,
    )


@pytest.mark.parametrize("config", ["models =", b"# \xff\xfe"])
def test_a_file_that_is_no_toml_is_named(problems, config) -> None:
    (found,) = problems(config)
    assert found.startswith("parlance.toml: not TOML: ")


def test_all_mistakes_are_told_at_once(problems) -> None:
    config = "tools = ['hammer']\n[agents.b]\nmodel = 'x'\n[limits]\nworkers = 'often'\n[server]\nstreams = 0"
    found = problems(more=config, PORT="x", REDIS_URL="http://x", WEB_CONCURRENCY="x")
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


def test_a_nul_in_a_text_is_a_mistake(problems) -> None:
    assert problems(more='name = "De\\u0000mo"') == [
        "parlance.toml: agents.demo.name: Must not have the character NUL (U+0000)."
    ]


@pytest.mark.parametrize("name", ["home", "what?x=[1]*"])
def test_every_agent_answers_from_its_own_pages_too_wherever_the_home_folder_is(load, tmp_path, name) -> None:
    agent = load(PARLANCE_HOME=str(tmp_path / name)).agents["demo"]
    assert matching_files(agent.knowledge) == [], "there need not be any"
    for agent_id in ("demo", "other"):
        folder = pages_folder(tmp_path / name, agent_id) / "example.com"
        folder.mkdir(parents=True)
        (folder / "prices.md").write_text("# Prices")
    assert matching_files(agent.knowledge) == [f"{tmp_path}/{name}/knowledge/pages/demo/example.com/prices.md"]


def test_a_model_that_is_named_for_embeddings_alone_answers_nobody(load) -> None:
    settings = load(
        """
        [models.m]
        provider = "builtin"
        [models.embed]
        provider = "openai"
        base_url = "http://127.0.0.1:1/v1"
        model = "e"
        aliases = ["meaning"]
        [models.both]
        provider = "openai"
        base_url = "http://127.0.0.1:1/v1"
        model = "b"
        [agents.one]
        model = "m"
        embeddings = "embed"
        [agents.two]
        model = ["m", "both"]
        embeddings = "both"
        """
    )
    assert settings.agents["one"].embeddings == "embed"
    assert [*settings.answering_models] == ["m", "both"]
    assert [settings.model_called(name) for name in ("m", "both", "embed", "meaning")] == ["m", "both", None, None]
