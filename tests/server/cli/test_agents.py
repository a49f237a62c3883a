"""`flask agents check`: the agents as they are configured."""

AGENTS = """open	scripted	calculator,clock,knowledge	6 files	no workflow	public
frank	builtin,scripted	calculator,look (the caller's)	no knowledge	plan	with a key
site	builtin	no tools	1 file	no workflow	with a key
"""


def test_agents_are_listed_as_they_are_configured_before_there_is_a_database(tmp_path, configured) -> None:
    (tmp_path / "plan.yaml").write_text(
        "{id: 5f0c3a4e-8c1b-4d5e-9a53-1f6f6a0f2b11, name: plan, steps: [{id: a, say: x}]}"
    )
    frank = 'model = ["builtin", "scripted"]\nworkflow = "plan"\nclient_tools.look.description = "Looks."\n'
    site = 'tools = ["calculator", "clock", "knowledge"]\nknowledge = ["knowledge/*.md"]\n\n[limits]'
    changes = {
        'model = "scripted"\ntools = ["calculator"]\n': f'{frank}tools = ["calculator"]\n',
        site: f'knowledge = ["knowledge/about.md"]\n\n[workflows]\nfiles = ["{tmp_path}/plan.yaml"]\n\n[limits]',
    }
    ran = configured(changes=changes).flask("agents", "check")
    assert (ran.stdout, ran.stderr) == (AGENTS, "")


def test_options_that_no_model_would_heed_are_told_beside_the_agents(configured) -> None:
    models = """[models.claude]
provider = "anthropic"
model = "claude-opus-4-7"
temperature = 0.3
thinking_tokens = 2048

[models.gpt]
provider = "openai"
base_url = "https://api.openai.com/v1"
model = "gpt-5-mini"
temperature = 0.3
sampling = true

[agents.open] """
    ran = configured(changes={"[agents.open] ": models}).flask_program("agents", "check")
    assert len(ran.stdout.splitlines()) == 3
    assert ran.stderr.splitlines() == [
        "models.claude.temperature is not sent: the model takes no sampling options",
        "models.claude.thinking_tokens is sent as adaptive thinking of effort low",
    ]


def test_mistakes_of_agents_are_named_and_end_their_check_with_status_2(configured) -> None:
    changes = {'"builtin"\ntools': '"builtni"\ntools', 'tools = ["calculator"]\nallow': 'tools = ["calc"]\nallow'}
    ran = configured(changes=changes).flask_program("agents", "check", check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    first, *named = ran.stderr.splitlines()
    assert first == "Parlance cannot start. Please correct:"
    assert sorted(each.split(": ")[1] for each in named) == ["agents.frank.tools.0", "agents.site.model"]
