"""Tells the date and time in any time zone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marshmallow import Schema, fields, validate

from app.engine.agent import ToolContext
from app.tools.base import Tool, ToolError


class Arguments(Schema):
    zone = fields.String(load_default="UTC", validate=validate.Length(1, 64))


def _call(_context: ToolContext, args: Mapping[str, Any]) -> dict[str, str]:
    try:
        now = datetime.now(ZoneInfo(args["zone"]))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ToolError("there is no such time zone") from error
    return {
        "date": now.strftime("%Y-%m-%d"),
        "time": now.strftime("%H:%M"),
        "weekday": now.strftime("%A"),
        "zone": args["zone"],
    }


TOOL = Tool(
    name="clock",
    description="Tells the date and time in a time zone such as Europe/Berlin (default UTC).",
    arguments=Arguments,
    call=_call,
)
