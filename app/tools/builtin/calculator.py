"""Exact arithmetic, bounded: thirty digits, a few operators, no names but those below."""

import ast
from collections.abc import Mapping
from decimal import Context, Decimal, DecimalException, DivisionByZero, InvalidOperation, Overflow
from typing import Any

from marshmallow import Schema, fields, validate
from simpleeval import InvalidExpression, SimpleEval

from app.engine.agent import ToolContext
from app.tools.base import Tool, ToolError

MAX_LENGTH = 200

# Every operation is done in this context, so its cost is bounded whatever the operands are.
_CONTEXT = Context(prec=30, Emax=999, Emin=-999, traps=[DivisionByZero, InvalidOperation, Overflow])


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if base == 0 and exponent < 0:
        raise DivisionByZero  # the context would give Infinity
    return _CONTEXT.power(base, exponent)


_OPERATORS = {
    ast.Add: _CONTEXT.add,
    ast.Sub: _CONTEXT.subtract,
    ast.Mult: _CONTEXT.multiply,
    ast.Div: _CONTEXT.divide,
    ast.FloorDiv: _CONTEXT.divide_int,
    ast.Mod: _CONTEXT.remainder,
    ast.Pow: _power,
    ast.USub: _CONTEXT.minus,
    ast.UAdd: _CONTEXT.plus,
}
_FUNCTIONS = {"sqrt": _CONTEXT.sqrt, "abs": _CONTEXT.abs}
_NAMES = {"pi": Decimal("3.14159265358979323846264338328"), "e": Decimal("2.71828182845904523536028747135")}
_NODES = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name)


class Arguments(Schema):
    expression = fields.String(required=True, validate=validate.Length(1, MAX_LENGTH))


class _Evaluator(SimpleEval):  # type: ignore[misc]  # the library carries no types
    """simpleeval, cut down to numbers."""

    def __init__(self) -> None:
        super().__init__(operators=_OPERATORS, functions=_FUNCTIONS, names=_NAMES)
        self.nodes: dict[type, Any] = {kind: handler for kind, handler in vars(self)["nodes"].items() if kind in _NODES}
        self.nodes[ast.Constant] = self._number

    def _number(self, node: ast.Constant) -> Decimal:
        if type(node.value) not in (int, float):
            raise InvalidExpression("only numbers can be calculated")
        return _CONTEXT.create_decimal(ast.get_source_segment(self.expr, node) or "")


def calculate(expression: str) -> str:
    """The value in plain notation. Raises ToolError where there is none."""
    try:
        expression = expression.strip()
        value = _Evaluator().eval(expression, ast.parse(expression, mode="eval").body)
        if not isinstance(value, Decimal):
            raise InvalidExpression("only numbers can be calculated")
    except DivisionByZero as error:
        raise ToolError("division by zero") from error
    except Overflow as error:
        raise ToolError("the result is too large") from error
    except DecimalException as error:
        raise ToolError("that has no value") from error
    except (InvalidExpression, SyntaxError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise ToolError("that is not an arithmetic expression") from error
    return _plain(value)


def _plain(value: Decimal) -> str:
    """Whole numbers with all their digits up to 21, others rounded to 15 significant ones."""
    whole = value == value.to_integral_value() and value.adjusted() < 21
    rounded = value if whole else value.normalize(Context(prec=15))
    if rounded == 0:
        return "0"
    if whole:
        return f"{rounded.to_integral_value():f}"
    return f"{rounded:f}" if -15 < rounded.adjusted() < 21 else f"{rounded:e}"


def _call(_context: ToolContext, args: Mapping[str, Any]) -> str:
    return calculate(args["expression"])


TOOL = Tool(
    name="calculator",
    description="Evaluates an arithmetic expression with + - * / // % ** ( ), sqrt, abs, pi and e.",
    arguments=Arguments,
    call=_call,
)
