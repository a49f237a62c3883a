"""A server whose every answer is made by a workflow, which fills in a template and calls an operator's own tool before
a model speaks: each worker has processes of its own beside it."""

from pathlib import Path

from torture.servers import PRICED, Victim

MODULE = """
from marshmallow import Schema, fields

from app.tools import ToolContext, tool


class Words(Schema):
    words = fields.String(required=True)


@tool("Counts words.", Words)
def count(_context: ToolContext, words: str) -> int:
    return len(words.split())
"""
WORKFLOW = """
id: 5f0c3a4e-8c1b-4d5e-9a53-1f6f6a0f2b12
name: Counted
steps:
  - {id: count, tool: count, args: {words: "a {{ input }}"}}
  - {id: reply, prompt: "{{ input }}", tools: [calculator], dependsOn: [count]}
"""
CONFIG = PRICED.replace(
    '[agents.open]                      # callers without a key come here\nname = "Open"\n',
    '[tools.count]\nfunction = "words:count"\n\n[workflows]\nfiles = ["counted.yaml"]\n\n'
    '[agents.open]\nname = "Open"\nworkflow = "Counted"\n',
).replace('tools = ["calculator", "clock", "knowledge"]', 'tools = ["calculator", "clock", "knowledge", "count"]', 1)


def workshop(home: Path) -> Victim:
    home.mkdir()
    (home / "words.py").write_text(MODULE)
    (home / "counted.yaml").write_text(WORKFLOW)
    return Victim(home, fast=False, config=CONFIG)
