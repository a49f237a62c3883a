"""`flask agents check`: who answers, as the configuration says it."""

import click
from flask.cli import AppGroup

from app.knowledge.files import matching_files
from app.providers import PROVIDERS
from app.web.services import services

agents = AppGroup("agents", help="Who answers: checked and listed.")


@agents.command("check")
def check_agents() -> None:
    """Every agent: id, models in the order in which they are tried, tools, files of knowledge, workflow, who may call.

    Standard error names each option of a model that is not sent as it is configured, since the model would not heed it.
    A configuration with a mistake starts no command: it ends with status 2, and standard error names each.
    """
    for name, model in services().settings.models.items():
        for option, becomes in PROVIDERS[model.provider].unheeded(model.options):
            click.echo(f"models.{name}.{option} {becomes}", err=True)
    for agent in services().settings.agents.values():
        tools = ",".join([*agent.tools, *(f"{tool.name} (the caller's)" for tool in agent.client_tools)])
        files = len(matching_files(agent.knowledge))
        knowledge = f"{files} {'file' if files == 1 else 'files'}" if files else "no knowledge"
        who = "public" if agent.public else "with a key"
        workflow = agent.workflow or "no workflow"
        click.echo("\t".join([agent.id, ",".join(agent.models), tools or "no tools", knowledge, workflow, who]))
