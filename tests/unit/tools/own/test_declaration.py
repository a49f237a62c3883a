"""Operators' functions as tools: which can be declared, and how each mistake in a module is named."""

import sys
from pathlib import Path

import pytest
from marshmallow import Schema, ValidationError, fields

from app.tools.own.declaration import make_tool, tool

MODULES = {
    "parlance_test_good": """
from marshmallow import Schema, fields
from app.tools import tool

class Order(Schema):
    number = fields.String(required=True, metadata={"description": "as on the bill"})

@tool("Tells where an order is.", Order)
def where_is(context, number):
    return [number]

def plain(context):
    return 1
""",
    "parlance_test_broken": "x = 1 / 0",
    "parlance_test_syntax": "def x(:",
    "parlance_test_exits": "import sys\nsys.exit(4)",
    "parlance_test_lacks": "import parlance_test_gone",
    "parlance_test_wrong": """
from marshmallow import Schema, fields
from app.tools import tool

class Order(Schema):
    number = fields.String()

@tool("Takes another name.", Order)
def where_is(context, order):
    return order
""",
    "parlance_test_async": """
from marshmallow import Schema
from app.tools import tool

@tool("Waits.", Schema)
async def where_is(context):
    return 1
""",
    "parlance_test_bare": "from app.tools import tool\n@tool\ndef where_is(context): ...",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """Where the modules are, and Python finds them."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def test_a_declared_function_is_a_tool_and_is_still_called_like_a_function() -> None:
    made = make_tool("where_is", ("parlance_test_good", "where_is"), 9)
    assert (made.name, made.description, made.seconds) == ("where_is", "Tells where an order is.", 9)
    assert made.spec().parameters["properties"]["number"] == {"type": "string", "description": "as on the bill"}
    assert sys.modules["parlance_test_good"].where_is(None, "7") == ["7"]


MISTAKES = [
    ("parlance_test_gone:f", "There is no module 'parlance_test_gone', beside parlance.toml or"),
    ("parlance_test_good.deeper:f", "There is no module 'parlance_test_good.deeper'"),
    ("parlance_test_good:gone", "The module 'parlance_test_good' has no 'gone'."),
    ("parlance_test_good:plain", "'plain' is not decorated with @tool(...)."),
    ("parlance_test_good:Order", "'Order' is not decorated with @tool(...)."),
    (
        "parlance_test_broken:f",
        "The module 'parlance_test_broken' cannot be imported: ZeroDivisionError: division by zero",
    ),
    ("parlance_test_syntax:f", "The module 'parlance_test_syntax' cannot be imported: SyntaxError"),
    ("parlance_test_exits:f", "The module 'parlance_test_exits' cannot be imported: SystemExit: 4"),
    (
        "parlance_test_lacks:f",
        "The module 'parlance_test_lacks' cannot be imported: ModuleNotFoundError: No module named",
    ),
    ("parlance_test_wrong:where_is", "The module 'parlance_test_wrong' cannot be imported: TypeError"),
    ("parlance_test_async:where_is", "The module 'parlance_test_async' cannot be imported: TypeError"),
    ("parlance_test_bare:where_is", "The module 'parlance_test_bare' cannot be imported: TypeError"),
]


@pytest.mark.parametrize(("function", "reason"), MISTAKES)
def test_what_is_no_tool_is_refused_with_a_reason_of_one_line(function, reason) -> None:
    module, _, name = function.partition(":")
    with pytest.raises(ValidationError) as refusal:
        make_tool("own", (module, name), 5)
    (found,) = refusal.value.messages["function"]
    assert found.startswith(reason)
    assert "\n" not in found


def test_a_function_takes_its_arguments_by_the_names_of_their_attributes() -> None:
    class Order(Schema):
        number = fields.String(attribute="order_number")

    @tool("Tells where an order is.", Order)
    def where_is(_context: object, order_number: str) -> str:
        return order_number

    assert where_is(None, order_number="7") == "7"
