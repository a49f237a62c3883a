"""The clock: the time in any zone that there is."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.engine.agent import Agent, ToolContext
from app.tools.base import ToolError
from app.tools.builtin.clock import TOOL

CONTEXT = ToolContext(Agent(id="demo", name="Demo", models=("m",)))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_clock_tells_date_time_and_weekday_of_the_zone(zone) -> None:
    told = []
    for _ in range(2):  # the minute may turn while we look
        now = datetime.now(UTC).astimezone(ZoneInfo(zone))
        date, hour = now.strftime("%Y-%m-%d %H:%M").split()
        told.append({"date": date, "time": hour, "weekday": now.strftime("%A"), "zone": zone})
        if len(told) == 1:
            answer = TOOL.call(CONTEXT, {"zone": zone})
    assert answer in told


@pytest.mark.parametrize("zone", ["Nowhere/City", "../../etc/passwd", "/etc/localtime", "Europe", "a\x00b", "\ud800"])
def test_the_clock_knows_no_such_zone(zone) -> None:
    with pytest.raises(ToolError, match="there is no such time zone"):
        TOOL.call(CONTEXT, {"zone": zone})
