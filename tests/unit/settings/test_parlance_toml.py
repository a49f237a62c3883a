"""What each table of parlance.toml may say, and how each mistake in one is named."""

from decimal import Decimal

import pytest

from app.settings.records import Price
from app.tools.http_request.hosts import Host


def test_a_tool_has_its_options(load) -> None:
    assert load().files.tools == {}
    settings = load(
        more='tools = ["where_is", "http_request"]\n[tools.where_is]\nfunction = "shop.orders:where_is"\nseconds = 9\n'
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


def test_an_agents_texts_are_for_all_languages_or_for_one(load) -> None:
    assert load().agents["demo"].texts == {}
    texts = load(more='texts.handover = "Call us."\ntexts.de.handover = "Rufen Sie an."').agents["demo"].texts
    assert texts == {"": {"handover": "Call us."}, "de": {"handover": "Rufen Sie an."}}


def test_a_models_price_is_as_it_was_written(load) -> None:
    written = '[models.n]\nprovider = "builtin"\nprice_per_million = { input = 0.1, output = 10, currency = "EUR" }'
    models = load(more=written).models
    assert models["n"].price == Price(Decimal("0.1"), Decimal(10), "EUR")
    assert {model.price for name, model in models.items() if name != "n"} == {None}


def own(function: str, more: str = "") -> str:
    return f'[tools.own]\nfunction = "{function}"\n{more}'


HTTP = "[tools.http_request]\n"
PRICED = "[models.n]\nprovider = 'builtin'\nprice_per_million = {{ {} }}"
MISTAKES = [
    ("[models.n]", "models.n.provider: Missing data for required field."),
    (
        "[models.n]\nprovider = 'oracle'",
        "models.n.provider: Must be one of: anthropic, builtin, openai, scripted.",
    ),
    ("[models.n]\nprovider = 'builtin'\npace = 'slow'", "models.n.pace: Not a valid number."),
    ("[models.n]\nprovider = 'builtin'\nspeed = 1", "models.n.speed: Unknown field."),
    ("[models.n]\nprovider = 'scripted'\nscript = [{}]", "models.n.script.0: Exactly one of "),
    ("[models.'a b']\nprovider = 'builtin'", "models.a b: Use 1 to 64 letters"),
    ("[agents.'']\nmodel = 'm'", "agents."),
    ("[agents.'..']\nmodel = 'm'", "agents."),
    ("[agents.a]", "agents.a.model: Missing data for required field."),
    ("max_tokens = 0", "agents.demo.max_tokens: Must be greater than or equal to 1."),
    ("public = 'yes'", "agents.demo.public: Not a valid boolean."),
    ("colour = 'red'", "agents.demo.colour: Unknown field."),
    ("texts = 'none'", "agents.demo.texts: Not a valid mapping type."),
    ("texts.unknwon = 'x'", "agents.demo.texts.unknwon: There is no such text; there are: greeting, introduction,"),
    ("texts.unknown = ' '", "agents.demo.texts.unknown: Must be a text of 1 to 2,000 characters."),
    (f"texts.unknown = '{'x' * 2001}'", "agents.demo.texts.unknown: Must be a text of 1 to 2,000 characters."),
    ("texts.unknown = 5", "agents.demo.texts.unknown: Must be a text of"),
    ("texts.de.source = ['x']", "agents.demo.texts.de.source: Must be a text of"),
    ("texts.de.wrong = 'x'", "agents.demo.texts.de.wrong: There is no such text"),
    ("texts.de-AT.source = 'x'", "agents.demo.texts.de-AT: Use a language's code, such as en or de, or the name"),
    (
        "widget_key_wires = ['telephone']",
        "agents.demo.widget_key_wires: There is no wire 'telephone'; there are: agents,",
    ),
    ("widget_key_wires = ['agents', 'agents']", "agents.demo.widget_key_wires: Names 'agents' twice."),
    ("[limits]\nothers = '1/minute'", "limits.others"),
    ("[retention]\ndays = 0", "retention.days: Must be greater than or equal to 1"),
    ("[retention]\ndays = 1.5", "retention.days: Not a valid integer."),
    ("[retention]\nagents = { demo = 36501 }", "retention.agents.demo: Must be greater than or equal to 1 and less"),
    ("[retention]\nchannels = 7", "retention.channels: Not a valid mapping type."),
    ("[retention]\nweeks = 7", "retention.weeks: Unknown field."),
    ("[server]\nstreams = 0", "server.streams: "),
    ("[server]\nstreams = 1.5", "server.streams: Not a valid integer."),
    ("[server]\nheartbeat_seconds = 0", "server.heartbeat_seconds: Must be greater than 0"),
    ("[server]\nheartbeat_seconds = nan", "server.heartbeat_seconds: "),
    ("[server]\nbody_bytes = '1 MB'", "server.body_bytes: Not a valid integer."),
    ("[server]\nlog_messages = 'no'", "server.log_messages: Not a valid boolean."),
    ("[server]\nport = 80", "server.port: Unknown field."),
    ("[server]\nsign_up = 'yes'", "server.sign_up: Not a valid boolean."),
    (PRICED.format("input = 1, output = 2"), "models.n.price_per_million.currency: Missing data"),
    (PRICED.format("input = 1, output = 2, currency = 'usd'"), "models.n.price_per_million.currency: Use a currency's"),
    (PRICED.format("output = 2, currency = 'USD'"), "models.n.price_per_million.input: Missing data"),
    (
        PRICED.format("input = '1', output = 2, currency = 'USD'"),
        "models.n.price_per_million.input: Not a valid number.",
    ),
    (PRICED.format("input = -1, output = 2, currency = 'USD'"), "models.n.price_per_million.input: Must be greater"),
    (PRICED.format("input = nan, output = 2, currency = 'USD'"), "models.n.price_per_million.input: Special numeric"),
    (
        PRICED.format("input = 1, output = 2, currency = 'USD', cached = 1"),
        "models.n.price_per_million.cached: Unknown",
    ),
    ("[models.n]\nprovider = 'builtin'\nprice_per_million = 3", "models.n.price_per_million: Invalid input type."),
    ("[models.n]\nprovider = 'builtin'\naliases = 'a'", "models.n.aliases: Not a valid list."),
    ("[models.n]\nprovider = 'builtin'\naliases = ['a b']", "models.n.aliases.0: Use 1 to 64 letters"),
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
    ("tools = ['clock', 'calculator', 'clock']", "agents.demo.tools: Names 'clock' twice."),
    (HTTP, "tools.http_request.hosts: Name the hosts that may be reached"),
    (HTTP + "hosts = []", "tools.http_request.hosts: Name the hosts that may be reached"),
    (HTTP + "hosts = ['*']", "tools.http_request.hosts.0: '*' is not a host such as"),
    (HTTP + "hosts = ['a.example', '*.com']", "tools.http_request.hosts.1: '*.com' covers too much"),
    (HTTP + "hosts = ['https://a.example']", "tools.http_request.hosts.0: 'https://a.example' is not a host such as"),
    (HTTP + "private_hosts = [5]", "tools.http_request.private_hosts.0: Not a valid string."),
    (HTTP + "hosts = ['a.example']\nmethods = []", "tools.http_request.methods: Shorter than minimum length 1."),
    (
        HTTP + "hosts = ['a.example']\nmethods = ['get']",
        "tools.http_request.methods.0: Must be one of: GET, HEAD, POST, PUT, PATCH, DELETE.",
    ),
    (HTTP + "hosts = ['a.example']\nmethods = ['CONNECT']", "tools.http_request.methods.0: Must be one of: GET, HEAD"),
    (HTTP + "hosts = ['a.example']\nseconds = 500", "tools.http_request.seconds: "),
    (HTTP + "hosts = ['a.example']\nfunction = 'a:b'", "tools.http_request.function: Unknown field."),
]


@pytest.mark.parametrize(("more", "mistake"), MISTAKES, ids=lambda value: str(value)[-40:])
def test_a_mistake_in_a_table_is_named_by_its_place_and_alone(problems, more, mistake) -> None:
    (found,) = problems(more=more)
    assert found.startswith(f"parlance.toml: {mistake}")
    assert "\n" not in found


def test_without_an_agent_nobody_would_answer(problems) -> None:
    assert problems("[models.m]\nprovider = 'builtin'\n[agents]\n") == [
        "parlance.toml: agents: Name at least one agent."
    ]


NO_NAMES = "Must be a model's name, or a list of such names."


@pytest.mark.parametrize(
    ("names", "mistake"),
    [
        ('["first", "second", "first"]', "Names 'first' twice."),
        *((names, NO_NAMES) for names in ("[]", '["first", 2]', '[["first"]]', '{first = "second"}', "true")),
    ],
)
def test_a_mistake_in_an_agents_list_of_models_is_named_by_its_place_and_alone(problems, names, mistake) -> None:
    models = "".join(f"[models.{name}]\nprovider = 'builtin'\n" for name in ("first", "second"))
    assert problems(f"{models}[agents.a]\nmodel = {names}") == [f"parlance.toml: agents.a.model: {mistake}"]


def test_a_fallback_that_is_spelt_as_an_option_of_its_own_is_unknown(problems) -> None:
    assert problems(more="fallback = ['m']") == ["parlance.toml: agents.demo.fallback: Unknown field."]


def test_tools_that_are_no_table_are_named(problems) -> None:
    config = "tools = 5\n[models.m]\nprovider = 'builtin'\n[agents.a]\nmodel = 'm'"
    assert problems(config) == ["parlance.toml: tools: Not a valid mapping type."]
