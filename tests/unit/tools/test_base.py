"""A tool by itself: which names of arguments it takes, and what a model reads about it."""

import pytest
from marshmallow import EXCLUDE, Schema, fields

from app.tools.base import DEFAULT_SECONDS, TimedOptions, Tool


class Order(Schema):
    number = fields.String(required=True, data_key="orderNumber")
    detailed = fields.Boolean(load_default=False)


class Lenient(Order):
    class Meta:
        unknown = EXCLUDE


def tool(arguments: type[Schema]) -> Tool:
    return Tool("where_is", "Tells where an order is.", arguments, lambda _context, _args: None)


@pytest.mark.parametrize(
    ("arguments", "names", "mistakes"),
    [
        (Order, ["orderNumber"], []),
        (Order, ["detailed", "orderNumber"], []),
        (Order, ["detailed"], ["where_is needs 'orderNumber'."]),
        (
            Order,
            ["number", "colour"],
            [
                "where_is takes no 'colour'; it takes: orderNumber, detailed.",
                "where_is takes no 'number'; it takes: orderNumber, detailed.",
                "where_is needs 'orderNumber'.",
            ],
        ),
        (Lenient, ["colour"], ["where_is needs 'orderNumber'."]),
        (Schema, ["colour"], ["where_is takes no 'colour'; it takes: nothing."]),
    ],
)
def test_names_that_are_unknown_or_missing_are_mistakes(arguments, names, mistakes) -> None:
    assert list(tool(arguments).check_names(names)) == mistakes


def test_a_model_reads_the_name_the_description_and_the_arguments_as_json_schema() -> None:
    spec = tool(Order).spec()
    assert (spec.name, spec.description) == ("where_is", "Tells where an order is.")
    assert spec.parameters == {
        "type": "object",
        "properties": {"orderNumber": {"type": "string"}, "detailed": {"type": "boolean", "default": False}},
        "required": ["orderNumber"],
        "additionalProperties": False,
    }


def test_a_call_has_the_default_time_where_nothing_else_is_said() -> None:
    assert tool(Order).seconds == TimedOptions().load({})["seconds"] == DEFAULT_SECONDS
