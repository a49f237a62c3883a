"""What a model may call."""

from collections.abc import Callable, Mapping

from app.tools import calculator, clock, knowledge
from app.tools.base import Tool

TOOLS: Mapping[str, Callable[[], Tool]] = {
    "calculator": lambda: calculator.TOOL,
    "clock": lambda: clock.TOOL,
    "knowledge": knowledge.tool,
}
