"""The process in which operators' own tools run: calls come pickled, replies are JSON."""

import math
import pickle
import traceback
from importlib import import_module
from typing import Any

import orjson

from app.engine.messages import MOST_DEPTH
from app.processes.serving import serve
from app.tools.base import ToolError
from app.tools.toolbox import MOST_RESULT_BYTES

MOST_TRACEBACK = 8000  # characters


def main(parent: int) -> None:
    """Until there are no more calls."""
    serve(parent, _answer)


def _answer(asked: bytes) -> bytes:
    (module, name), context, args = pickle.loads(asked)  # noqa: S301 - from our parent
    return orjson.dumps(_reply(module, name, context, args))


def _reply(module: str, name: str, context: Any, args: Any) -> dict[str, Any]:
    """`result`; or `refused`, the words of a ToolError; or `failed`, a traceback."""
    try:
        try:
            return {"result": JsonCopy().of(getattr(import_module(module), name)(context, **args))}
        except ToolError as error:
            return {"refused": JsonCopy().of(str(error))}
    except ToolError as error:
        return {"refused": str(error)}
    except BaseException:  # noqa: BLE001 - SystemExit is a tool's failure like any other
        return {"failed": traceback.format_exc()[-MOST_TRACEBACK:].encode(errors="replace").decode()}


class JsonCopy:
    """Copies a JSON value, as far as it is one and may be told. One that contains itself would take for ever."""

    def __init__(self) -> None:
        self._left = MOST_RESULT_BYTES

    def of(self, value: Any, depth: int = 0) -> Any:
        """Raises ToolError where it is too large or too deep, TypeError or ValueError where it is no JSON."""
        self._spend(1)
        if depth > MOST_DEPTH:
            raise ToolError("The result is nested too deeply.")
        match value:
            case None | bool():
                return value
            case int() if -(2**63) <= value < 2**64:
                return value
            case float() if math.isfinite(value):
                return value
            case str():
                return self._text(value)
            case list() | tuple():
                return [self.of(each, depth + 1) for each in value]
            case dict():
                return {self._key(key): self.of(each, depth + 1) for key, each in value.items()}
        raise TypeError(f"a {type(value).__name__} that is no JSON")

    def _key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise TypeError(f"a key is a {type(key).__name__}, not a string")
        return self._text(key)

    def _text(self, text: str) -> str:
        self._spend(len(text))
        text.encode()  # UnicodeEncodeError where it cannot be sent
        return text

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ToolError("The result is too large.")
