"""Tool calls as several wires show them: the fields of a call and of its result, and the schemas that describe them."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate


def tool_call(call_id: str, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    return {"toolCallId": call_id, "toolName": name, "toolArgs": dict(args)}


def tool_result(result: Any, *, is_error: bool) -> dict[str, Any]:
    return {"result": result, "isError": True} if is_error else {"result": result}


class ToolCallSchema(Schema):
    """The event of a call."""

    type = fields.String(required=True, validate=validate.OneOf(["tool_call"]))
    call_id = fields.String(required=True, data_key="toolCallId")
    name = fields.String(required=True, data_key="toolName")
    args = fields.Dict(required=True, data_key="toolArgs")


class ToolResultSchema(Schema):
    """The event of its result."""

    type = fields.String(required=True, validate=validate.OneOf(["tool_result"]))
    call_id = fields.String(required=True, data_key="toolCallId")
    name = fields.String(required=True, data_key="toolName")
    result = fields.Raw(required=True)
    is_error = fields.Boolean(data_key="isError")
