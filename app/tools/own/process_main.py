"""The process in which operators' own tools run: a call comes in as a pickle, its reply goes out as JSON."""

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

MOST_TRACEBACK = 8000  # characters of its end


def main(parent: int) -> None:
    """Serve calls until there are no more. `parent` is the worker's process id."""
    serve(parent, _call)


def _call(pickled: bytes) -> bytes:
    (module, name), context, args = pickle.loads(pickled)  # noqa: S301 - from our parent
    return orjson.dumps(_reply(module, name, context, args))


def _reply(module: str, name: str, context: Any, args: Any) -> dict[str, Any]:
    """{"result": a JSON value}, {"refused": a ToolError's message} or {"failed": a traceback}."""
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
    """Copies a value, checking that it is JSON and within the limits of a result.

    Before it is encoded: a value that contains itself would never end.
    """

    def __init__(self) -> None:
        self._left = MOST_RESULT_BYTES

    def of(self, value: Any, depth: int = 0) -> Any:
        """The copy. Raises ToolError if it is too large or too deep, TypeError or ValueError if it is no JSON."""
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
        text.encode()  # raises UnicodeEncodeError, a ValueError, for lone surrogates
        return text

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ToolError("The result is too large.")
