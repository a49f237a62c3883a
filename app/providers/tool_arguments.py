"""The arguments of a tool call, as models write them."""

from typing import Any

import orjson


def parsed_arguments(text: str) -> dict[str, Any]:
    """What is no JSON object is handed on under a name that no tool knows: the model is then told what it wrote."""
    try:
        arguments = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    return arguments if isinstance(arguments, dict) else {"malformed_arguments": text[:200]}
