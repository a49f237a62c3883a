"""Pictures of workflows: every step and arrow is in them, and no name gets out of its place."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from app.workflows.definition import read
from app.workflows.diagram import mermaid, svg


def say(step_id: str, *waits_for: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "say": "Hello", "dependsOn": list(waits_for), **more}


HOSTILE = '<script>alert("1")</script> & ]]> \' --> |"]'


def test_a_picture_names_each_step_and_lets_no_name_out_of_its_place() -> None:
    steps = [
        say("end", name=HOSTILE[:24]),
        {"id": "graph", "prompt": "Hi", "dependsOn": ["end"], "name": '"] --> x'},
        {"id": "c", "tool": "clock", "dependsOn": ["end"], "when": "x"},
    ]
    workflow = read("w", 1, {"name": HOSTILE, "steps": steps})
    root = ET.fromstring(svg(workflow))
    assert {element.tag.partition("}")[2] for element in root.iter()} == {
        *("svg", "title", "defs", "marker", "path", "rect", "text", "line")
    }
    texts = [element.text for element in root.iter() if element.tag.endswith("}text")]
    assert texts == [HOSTILE[:24], "text", '"] --> x', "model", "c", "clock"]
    assert root[0].text == HOSTILE
    first, *lines = mermaid(workflow).splitlines()
    assert first == "flowchart TD"
    assert [line.split("[")[0].split("(")[0] for line in lines] == [
        *("    s_end", "    s_graph", "    s_c", "    s_end --> s_graph", "    s_end -. when .-> s_c")
    ]
    labels = [line[line.index('"') + 1 : line.rindex('"')].replace("<br/>", "") for line in lines[:3]]
    assert not set("".join(labels)) & set('<>"[]|&')


def test_boxes_of_a_picture_do_not_overlap_and_lie_within_it() -> None:
    steps = [say("a"), *(say(f"b{n}", "a") for n in range(10)), say("c", "b1", "b2")]
    root = ET.fromstring(svg(read("w", 1, {"name": "W", "steps": steps})))
    width, height = (int(root.get(name)) for name in ("width", "height"))
    boxes = [{k: int(each.get(k)) for k in ("x", "y", "width", "height")} for each in root.iter() if each.get("rx")]
    assert len(boxes) == 12
    assert all(b["x"] >= 0 and b["x"] + b["width"] <= width and b["y"] + b["height"] <= height for b in boxes)
    assert len({(b["x"] // b["width"], b["y"]) for b in boxes}) >= 11
    assert len({b["y"] for b in boxes}) == 3


@pytest.mark.parametrize("name", ["a\x01b", "a\x00b", "a\ud800b", "a\uffffb", "a\tb", "\U0001f600"])
def test_a_picture_is_well_formed_whatever_the_names_are(name) -> None:
    drawn = svg(read("w", 1, {"name": name, "steps": [say("a", name=name)]}))
    assert ET.fromstring(drawn.encode())[0].text[0] in (name[0], "\ufffd")
