"""How the tables of parlance.toml must fit together, and how each mistake about that is named."""

import pytest

MISTAKES = [
    ("[weather]", "weather: Unknown field."),
    ("[agents.a]\nmodel = 'other'", "agents.a.model: There is no model 'other'; there are: m."),
    (
        "tools = ['calculator', 'hammer']",
        "agents.demo.tools.1: Must be one of: calculator, clock, knowledge, stuff.",
    ),
    ("knowledge = ['*.pdf']", "agents.demo.knowledge: No file matches '*.pdf'."),
    (
        "embeddings = 'm'",
        "agents.demo.embeddings: There is no model 'm' of the provider openai; there are: none.",
    ),
    ("public = true\n[agents.b]\nmodel = 'm'\npublic = true", "agents.b.public: Only one agent can be public"),
    ("[limits]\ntelegraph = '1/minute'", "limits.telegraph: Must be one of: "),
    ("[limits]\nworkers = 'often'", "limits.workers: Not a limit such as 30/minute."),
    ("[limits]\nworkers = ''", "limits.workers: Not a limit such as 30/minute."),
    ("[retention]\nagents = { dmeo = 3 }", "retention.agents.dmeo: There is no agent 'dmeo'; there are: demo."),
    ("[retention]\nchannels = { telegraph = 3 }", "retention.channels.telegraph: There is no wire 'telegraph'; there"),
    (
        "[models.n]\nprovider = 'builtin'\naliases = ['m']",
        "models.n.aliases: 'm' is a model's name already.",
    ),
    (
        "[models.n]\nprovider = 'builtin'\naliases = ['a']\n[models.o]\nprovider = 'builtin'\naliases = ['a']",
        "models.o.aliases: 'a' is an alias of 'n' already.",
    ),
    (
        "[models.n]\nprovider = 'builtin'\naliases = ['a', 'a']",
        "models.n.aliases: 'a' is an alias of 'n' already",
    ),
    ("tools = ['http_request']", "agents.demo.tools.0: Must be one of: calculator, clock, knowledge, stuff."),
    ("tools = ['clock', 'own']", "agents.demo.tools.1: Must be one of: calculator, clock, knowledge, stuff."),
    (
        "tools = ['clock']\n[agents.demo.client_tools.clock]\ndescription = 'x'",
        "agents.demo.client_tools: 'clock' is among the agent's tools already.",
    ),
]


@pytest.mark.parametrize(("more", "mistake"), MISTAKES, ids=lambda value: str(value)[-40:])
def test_a_mistake_between_tables_is_named_by_its_place_and_alone(problems, more, mistake) -> None:
    (found,) = problems(more=more)
    assert found.startswith(f"parlance.toml: {mistake}")
    assert "\n" not in found


@pytest.mark.parametrize(
    ("config", "mistake"),
    [
        ("[models.m]\nprovider = 'builtin'", "agents: Missing data for required field."),
        ("[agents]", "models: Missing data for required field."),
        ("models = 1\n[agents]", "models: Not a valid mapping type."),
    ],
)
def test_a_table_that_is_missing_or_is_none_is_named(problems, config, mistake) -> None:
    assert f"parlance.toml: {mistake}" in problems(config)


@pytest.mark.parametrize(
    ("names", "unknown"),
    [('["first", "third"]', "third"), ('["third", "fourth"]', "third"), ('["first", ""]', ""), ('["First"]', "First")],
)
def test_the_first_model_of_a_list_that_there_is_not_is_named(problems, names, unknown) -> None:
    models = "".join(f"[models.{name}]\nprovider = 'builtin'\n" for name in ("first", "second"))
    assert problems(f"{models}[agents.a]\nmodel = {names}") == [
        f"parlance.toml: agents.a.model: There is no model {unknown!r}; there are: first, second."
    ]
