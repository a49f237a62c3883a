"""`parlance agents check`: who answers, as the configuration says it."""

from typing import Any

import click

from app.cli.common import echo_json, json_option
from app.cli.parts import parts
from app.engine.agent import Agent

agents = click.Group("agents", help="Who answers: checked and listed.")


@agents.command("check")
@json_option
def check_agents(as_json: bool) -> None:
    """Every agent: id, models in the order in which they are tried, tools, files of knowledge, workflow, who may call.

    Standard error names each option of a model that is not sent as it is configured, since the model would not heed it.
    A configuration with a mistake starts no command: it ends with status 2, and standard error names each.
    """
    from app.providers import PROVIDERS

    settings = parts().settings
    for name, model in settings.models.items():
        for option, becomes in PROVIDERS[model.provider].unheeded(model.options):
            click.echo(f"models.{name}.{option} {becomes}", err=True)
    found = [_described(agent) for agent in settings.agents.values()]
    if as_json:
        echo_json(found)
        return
    for agent in found:
        tools = ",".join([*agent["tools"], *(f"{name} (the caller's)" for name in agent["client_tools"])])
        files = agent["knowledge_files"]
        knowledge = f"{files} {'file' if files == 1 else 'files'}" if files else "no knowledge"
        who = "public" if agent["public"] else "with a key"
        workflow = agent["workflow"] or "no workflow"
        click.echo("\t".join([agent["id"], ",".join(agent["models"]), tools or "no tools", knowledge, workflow, who]))


def _described(agent: Agent) -> dict[str, Any]:
    from app.knowledge.files import matching_files

    return {
        "id": agent.id,
        "models": agent.models,
        "tools": agent.tools,
        "client_tools": [tool.name for tool in agent.client_tools],
        "knowledge_files": len(matching_files(agent.knowledge)),
        "workflow": agent.workflow,
        "public": agent.public,
    }
