"""What a model may call."""

from collections.abc import Callable, Mapping

from app.tools import calculator, clock, knowledge
from app.tools.base import Tool
from app.tools.knowledge import KnowledgeSearch

TOOLS: Mapping[str, Callable[[KnowledgeSearch], Tool]] = {
    "calculator": lambda _knowledge: calculator.TOOL,
    "clock": lambda _knowledge: clock.TOOL,
    "knowledge": knowledge.tool,
}
