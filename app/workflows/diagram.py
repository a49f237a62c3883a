"""Pictures of workflows: Mermaid's text, and SVG. An arrow leads from a step to those that wait for it."""

import re
from html import escape

from app.workflows.definition import AskModel, CallTool, Step, Workflow

_WIDTH, _HEIGHT = 190, 56
_ACROSS, _DOWN, _MARGIN = 40, 56, 24
_FILLS = {"tool": "#dbe9f6", "prompt": "#e4f2e1", "say": "#f6ecd2"}

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"
  font-family="sans-serif" font-size="13" role="img"><title>{name}</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
  <path d="M0 0 8 4 0 8z" fill="#555"/></marker></defs>
<rect width="{width}" height="{height}" fill="#fff"/>"""


def mermaid(workflow: Workflow) -> str:
    """A flowchart from top to bottom. Boxes are tools, rounded ones ask a model, slanted ones say something."""
    shapes = {"tool": '["{}"]', "prompt": '("{}")', "say": '[/"{}"/]'}
    lines = ["flowchart TD"]
    for step in workflow.steps:
        label = "<br/>".join(_for_mermaid(line) for line in _labels(step))
        lines.append(f"    s_{step.id}{shapes[_kind(step)].format(label)}")
    for step in workflow.steps:
        arrow = "-. when .->" if step.when else "-->"
        lines += [f"    s_{other} {arrow} s_{step.id}" for other in step.depends_on]
    return "\n".join(lines) + "\n"


def svg(workflow: Workflow) -> str:
    """A picture that needs nothing else: no style sheet, no font, no script."""
    rows = _rows(workflow)
    widest = max(map(len, rows))
    width = 2 * _MARGIN + widest * _WIDTH + (widest - 1) * _ACROSS
    height = 2 * _MARGIN + len(rows) * _HEIGHT + (len(rows) - 1) * _DOWN
    place = {}
    for down, row in enumerate(rows):
        left = (width - len(row) * _WIDTH - (len(row) - 1) * _ACROSS) // 2
        for across, step in enumerate(row):
            place[step.id] = (left + across * (_WIDTH + _ACROSS), _MARGIN + down * (_HEIGHT + _DOWN))
    arrows = [_arrow(place[other], place[step.id], step) for step in workflow.steps for other in step.depends_on]
    boxes = [_box(step, *place[step.id]) for step in workflow.steps]
    head = _HEAD.format(width=width, height=height, name=_for_xml(workflow.name))
    return "\n".join([head, *arrows, *boxes, "</svg>\n"])


def _rows(workflow: Workflow) -> list[list[Step]]:
    """Each step stands one row below the lowest of those that it waits for."""
    row: dict[str, int] = {}
    waiting = list(workflow.steps)
    while waiting:
        for step in list(waiting):
            if all(other in row for other in step.depends_on):
                row[step.id] = 1 + max((row[other] for other in step.depends_on), default=-1)
                waiting.remove(step)
    return [[step for step in workflow.steps if row[step.id] == n] for n in range(max(row.values()) + 1)]


def _kind(step: Step) -> str:
    return {CallTool: "tool", AskModel: "prompt"}.get(type(step.action), "say")


def _labels(step: Step) -> tuple[str, str]:
    what = step.action.tool if isinstance(step.action, CallTool) else {"prompt": "model", "say": "text"}[_kind(step)]
    return step.name if len(step.name) <= 24 else f"{step.name[:23]}…", what


def _for_xml(text: str) -> str:
    return escape(_NO_XML.sub("\ufffd", text))


def _for_mermaid(text: str) -> str:
    """Mermaid reads entities by number, and would take some characters for its own."""
    return "".join(each if each.isalnum() or each in " _-." else f"#{ord(each)};" for each in text)


def _box(step: Step, left: int, top: int) -> str:
    name, what = map(_for_xml, _labels(step))
    middle = left + _WIDTH // 2
    round_ = 14 if isinstance(step.action, AskModel) else 3
    return (
        f'<rect x="{left}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" rx="{round_}" fill="{_FILLS[_kind(step)]}" '
        f'stroke="#555"/><text x="{middle}" y="{top + 24}" text-anchor="middle">{name}</text>'
        f'<text x="{middle}" y="{top + 43}" text-anchor="middle" fill="#555" font-size="11">{what}</text>'
    )


def _arrow(start: tuple[int, int], end: tuple[int, int], step: Step) -> str:
    (x1, y1), (x2, y2) = start, end
    dashes = ' stroke-dasharray="5 4"' if step.when else ""
    return (
        f'<line x1="{x1 + _WIDTH // 2}" y1="{y1 + _HEIGHT}" x2="{x2 + _WIDTH // 2}" y2="{y2}" stroke="#555"'
        f'{dashes} marker-end="url(#tip)"/>'
    )
