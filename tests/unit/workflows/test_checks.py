"""What is found out about a workflow before it runs: each mistake, by its place, and the worst case of a run."""

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import INCLUDE, Schema, ValidationError, fields

from app.settings.mistakes import flatten
from app.tools.base import Tool
from app.workflows.checks import Bound, Rules, check
from app.workflows.definition import Limits, read
from app.workflows.diagram import mermaid, svg


class Anything(Schema):
    class Meta:
        unknown = INCLUDE


class Order(Schema):
    number = fields.String(required=True, data_key="orderNumber")
    detailed = fields.Boolean()


def a_tool(name: str, seconds: float, arguments: type[Schema] = Anything) -> Tool:
    return Tool(name, "Works.", arguments, lambda _context, _args: None, seconds)


TOOLS = {"calculator": a_tool("calculator", 5), "clock": a_tool("clock", 2), "order": a_tool("order", 2, Order)}
RULES = Rules(TOOLS, Limits(seconds=60, tool_calls=10, model_calls=8))


def say(step_id: str, *waits_for: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "say": "Hello", "dependsOn": list(waits_for), **more}


def tool(step_id: str, *waits_for: str, name: str = "clock", **more: Any) -> dict[str, Any]:
    return {"id": step_id, "tool": name, "dependsOn": list(waits_for), **more}


def ask(step_id: str, *waits_for: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "prompt": "Hi", "dependsOn": list(waits_for), **more}


def row(length: int) -> list[dict[str, Any]]:
    """Steps that wait for one another."""
    return [say(f"s{n}", *([f"s{n - 1}"] if n else [])) for n in range(length)]


def bound(*steps: Any, **limits: Any) -> Bound:
    return check(read("w", 1, {"name": "W", "steps": list(steps), "limits": limits}), RULES)


def mistakes(written: Any) -> dict[str, str]:
    """What is wrong, by its place."""
    with pytest.raises(ValidationError) as caught:
        check(read("w", 1, written), RULES)
    return dict(flatten(caught.value.messages))


MISTAKES = {
    "two steps with one id": ([say("a"), say("a")], "steps.1.id", "There are two steps 'a'."),
    "waits for itself": ([say("a", "a")], "steps.0.dependsOn", "A step cannot wait for itself."),
    "waits for nobody": ([say("a", "b")], "steps.0.dependsOn", "There is no step 'b'."),
    "waits twice": ([say("a"), say("b", "a", "a")], "steps.1.dependsOn", "Names a step twice."),
    "a circle": ([say("a", "c"), say("b", "a"), say("c", "b")], "steps", "These wait for each other: "),
    "no such tool": ([tool("a", name="gun")], "steps.0.tool", "There is no tool 'gun'; there are: calculator, "),
    "no such tool of a model's": ([ask("a", tools=["gun"])], "steps.0.tools", "There is no tool 'gun'"),
    "an argument that the tool does not take": (
        [tool("a", name="order", args={"orderNumber": "1", "number": "1"})], "steps.0.args",
        "order takes no 'number'; it takes: orderNumber, detailed."),
    "an argument that the tool needs": (
        [tool("a", name="order", args={"detailed": True})], "steps.0.args", "order needs 'orderNumber'."),
    "looks at whom it does not wait for": (
        [say("a"), say("b", say="{{ steps.a.result }}")], "steps.1.dependsOn",
        "steps.a is used, but the step does not wait for 'a'."),
    "looks at itself": ([say("a", say="{{ steps.a.result }}")], "steps.0.dependsOn", "steps.a is used"),
    "looks at what is behind": ([say("a", say="{{ steps.b.error }}"), say("b", "a")], "steps.0.dependsOn", "steps.b"),
    "a condition looks at a stranger": (
        [say("a"), say("b", when="{{ steps.a.result }}")], "steps.1.dependsOn", "steps.a"),
    "an argument looks at a stranger": (
        [say("a"), tool("b", args={"x": [{"y": "{{ steps['a'].result }}"}]})], "steps.1.dependsOn", "steps.a"),
    "no step": ([], "steps", "Length must be between 1 and 50."),
    "no list": ("a", "steps", "Not a valid list."),
    "null": (None, "steps", "Field may not be null."),
    "a number": (5, "steps", "Not a valid list."),
    "no steps but numbers": ([1], "steps.0", "Invalid input type."),
    "no step but null": ([None], "steps.0", "Field may not be null."),
    "51 steps": ([say(f"s{n}") for n in range(51)], "steps", "Length must be between 1 and 50."),
    "21 in a row": (row(21), "steps", "21 of them wait for one another in a row; 20 is the most."),
    "11 at once": ([say(f"s{n}") for n in range(11)], "steps", "11 of them start at the same moment; 10 is the most."),
    "11 behind one": (
        [say("a"), *(say(f"s{n}", "a") for n in range(11))], "steps", "11 of them start at the same moment"),
    "a tool twice": ([ask("a", tools=["clock", "clock"])], "steps.0.tools", "Names a tool twice."),
    "no kind": ([{"id": "a"}], "steps.0", "Exactly one of tool, prompt and say is needed."),
    "two kinds": ([say("a", prompt="x")], "steps.0", "Exactly one of tool, prompt and say is needed."),
    "three kinds": ([tool("a", prompt="x", say="y")], "steps.0", "Exactly one of"),
    "args of a model": ([ask("a", args={})], "steps.0.args", "Belongs to a step with 'tool'."),
    "tools of a text": ([say("a", tools=[])], "steps.0.tools", "Belongs to a step with 'prompt'."),
    "an empty text": ([say("a", say="")], "steps.0.say", "Shorter than minimum length 1."),
    "an empty condition": ([say("a", when="")], "steps.0.when", "Shorter than minimum length 1."),
    "a condition that is no text": ([say("a", when=True)], "steps.0.when", "Not a valid string."),
    "a text that is no text": ([say("a", say=5)], "steps.0.say", "Not a valid string."),
    "a broken template": ([say("a", say="{{ x")], "steps.0.say", "Not a template: "),
    "a broken condition": ([say("a", when="{{ f() }}")], "steps.0.when", "Call is not possible in a template here."),
    "a broken argument": ([tool("a", args={"x": {"y": ["{{ f }}"]}})], "steps.0.args.x.y.0", "There is no 'f' here"),
    "arguments too deep": ([tool("a", args={"x": [[[[[[[[["y"]]]]]]]]]})], "steps.0.args", "Nested too deeply."),
    "arguments that are no mapping": ([tool("a", args=["x"])], "steps.0.args", "Not a valid mapping type."),
    "an id with a space": ([say("a b")], "steps.0.id", "Use 1 to 32 letters, digits, underscores."),
    "an id that is too long": ([say("a" * 33)], "steps.0.id", "Use 1 to 32 letters"),
    "an id with a line behind it": ([say("a\n")], "steps.0.id", "Use 1 to 32 letters"),
    "no id": ([{"say": "x"}], "steps.0.id", "Missing data for required field."),
    "an unknown field": ([say("a", sya="x")], "steps.0.sya", "Unknown field."),
    "a long name": ([say("a", name="x" * 101)], "steps.0.name", "Length must be between 1 and 100."),
    "too many retries": ([tool("a", retries=4)], "steps.0.retries", "Must be greater than or equal to 0"),
    "half a retry": ([tool("a", retries=0.5)], "steps.0.retries", "Not a valid integer."),
    "a retry that is a text": ([tool("a", retries="2")], "steps.0.retries", "Not a valid integer."),
    "an unknown way with failures": ([tool("a", onError="ignore")], "steps.0.onError", "Must be one of: fail, "),
    "dependsOn that is a text": ([say("a"), say("b", dependsOn="a")], "steps.1.dependsOn", "Not a valid list."),
    "too many tools": ([ask("a", tools=["clock"] * 21)], "steps.0.tools", "Longer than maximum length 20."),
    "too much text in all": (
        [say(f"s{n}", say="x" * 3000) for n in range(7)],
        "steps", "Their texts have more than 20000 characters in all."),
    "too many texts, of which none says anything": (
        [tool("a", args={"x": [""] * 1001})], "steps", "There are more than 1000 texts in their args in all."),
}  # fmt: skip

LIMITS: dict[str, tuple[dict[str, Any], list[dict[str, Any]], str, str]] = {
    "no time": ({"seconds": 0}, row(1), "limits.seconds", "Must be greater than 0."),
    "less than none": ({"toolCalls": -1}, row(1), "limits.toolCalls", "Must be greater than or equal to 0."),
    "no number": ({"modelCalls": "many"}, row(1), "limits.modelCalls", "Not a valid integer."),
    "a number in quotation marks": ({"seconds": "5"}, row(1), "limits.seconds", "Not a valid number."),
    "endless": ({"seconds": float("inf")}, row(1), "limits.seconds", "Special numeric values"),
    "no limit of that name": ({"steps": 5}, row(1), "limits.steps", "Unknown field."),
    "more time than admitted": (
        {"seconds": 61}, [ask("a")], "limits.seconds", "61 seconds could be spent on a run; 60 is the most."),
    "more tool calls than admitted": (
        {"toolCalls": 11}, [ask("a", tools=["clock"])], "limits.toolCalls", "11 tool calls could be made in a run; "),
    "more model calls than admitted": (
        {"modelCalls": 9}, [ask("a", tools=["clock"]), ask("b", tools=["clock"])], "limits.modelCalls",
        "9 calls of models could be made in a run; 8 is the most."),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_at_its_place(name) -> None:
    steps, place, words = MISTAKES[name]
    found = mistakes({"name": "W", "steps": steps})
    assert found.get(place, "").startswith(words), found
    assert len(found) == 1, "and nothing else is found wrong"


@pytest.mark.parametrize("name", LIMITS)
def test_limits_that_cannot_be_are_told_at_their_place(name) -> None:
    limits, steps, place, words = LIMITS[name]
    found = mistakes({"name": "W", "steps": steps, "limits": {"toolCalls": 5, **limits}})
    assert [*found] == [place]
    assert found[place].startswith(words)


def test_every_mistake_is_found_at_once() -> None:
    steps = [say("a", "x"), tool("a", name="gun")]
    assert set(mistakes({"name": "W", "steps": steps})) == {"steps.0.dependsOn", "steps.1.id", "steps.1.tool"}
    read_too = {"steps": [{"id": "!"}, say("b", when=1)], "x": 1}
    assert set(mistakes(read_too)) == {"name", "x", "steps.0.id", "steps.1.when"}


def test_arguments_that_are_nested_without_end_are_a_mistake() -> None:
    deep: Any = "x"
    for _ in range(1000):
        deep = [deep]
    assert list(mistakes({"name": "W", "steps": [tool("a", args={"x": deep})]}).values()) == ["Nested too deeply."]


def test_ten_thousand_steps_are_refused_at_once() -> None:
    started = time.thread_time()
    assert mistakes({"name": "W", "steps": row(10_000)}) == {"steps": "Length must be between 1 and 50."}
    assert time.thread_time() - started < 1


def test_the_largest_workflow_that_may_be_is_checked_soon() -> None:
    started = time.thread_time()
    steps = [say(f"s{n}", *([f"s{n - 10}"] if n > 9 else []), say="{{ input }}" * 30) for n in range(50)]
    assert bound(*steps) == Bound(50, 5, 10, 0, 0, 0)
    assert bound(*row(20)).depth == 20
    assert time.thread_time() - started < 2


@pytest.mark.parametrize(
    ("steps", "limits", "expected"),
    [
        ([say("a")], {}, Bound(1, 1, 1, 0, 0, 0)),
        ([tool("a"), tool("b", name="calculator"), say("c", "a", "b")], {}, Bound(3, 2, 2, 2, 0, 5)),
        ([tool("a"), tool("b", "a"), tool("c", "b")], {}, Bound(3, 3, 1, 3, 0, 6)),
        ([ask("a")], {"seconds": 30}, Bound(1, 1, 1, 0, 1, 30)),
        ([ask("a", retries=2)], {"seconds": 30}, Bound(1, 1, 1, 0, 3, 30)),
        ([ask("a", tools=["clock"])], {"toolCalls": 7}, Bound(1, 1, 1, 7, 6, 60)),
        ([tool(f"s{n}") for n in range(10)], {"toolCalls": 4}, Bound(10, 1, 10, 4, 0, 2)),
        ([tool("a", name="calculator"), tool("b", "a", name="calculator")], {"seconds": 8}, Bound(2, 2, 1, 2, 0, 8)),
        ([say("a"), *(say(f"s{n}", "a") for n in range(3))], {}, Bound(4, 2, 3, 0, 0, 0)),
        ([tool("a", retries=3)], {}, Bound(1, 1, 1, 4, 0, 4 * 2 + 0.2 + 0.4 + 0.8)),
        ([say(f"s{n}", *(f"s{m}" for m in range(n))) for n in range(15)], {}, Bound(15, 15, 1, 0, 0, 0)),
        (
            [say("a"), say("b"), *(tool(f"{root}{n}", root) for root in "ab" for n in range(10))],
            {"toolCalls": 10},
            Bound(22, 2, 10, 10, 0, 2 + 38 / 10),  # ten at once, so they take twice two seconds
        ),
    ],
)
def test_the_worst_case_of_a_workflow_is_known(steps, limits, expected) -> None:
    found = bound(*steps, **limits)
    assert replace(found, seconds=pytest.approx(found.seconds)) == expected


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sets(st.integers(0, 19), max_size=4), min_size=1, max_size=20))
def test_a_graph_is_refused_where_it_has_a_circle_and_drawn_where_it_has_none(waits) -> None:
    n = len(waits)
    steps = [tool(f"s{i}", *sorted(f"s{o}" for o in others if o < n)) for i, others in enumerate(waits)]
    acyclic = all(o < i for i, others in enumerate(waits) for o in others if o < n)
    written = {"name": "W", "steps": steps}
    try:
        check(workflow := read("w", 1, written), RULES)
    except ValidationError as error:
        words = " ".join(what for _, what in flatten(error.messages))
        assert not acyclic or "at the same moment" in words or "tool calls" in words
        return
    arrows = sum(len(step["dependsOn"]) for step in steps)
    assert mermaid(workflow).count("-->") == arrows
    assert svg(workflow).count("<line ") == arrows
