"""Which tool call a piece of one belongs to, in the responses of servers with OpenAI's API.

A piece should have a number, and the first of a call its id and its name too; the others should only have arguments.
Servers number every call 0 or -1, or none; give the id and the name again with each piece, or another id; or send them
in pieces of their own. So a piece is told by what it says. Sources: OpenAI's API reference, "Streaming"; the servers
are named with the cases of tests/unit/providers/apis/test_call_pieces.py.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import orjson

from app.engine.events import ToolCalled
from app.engine.messages import ProviderMetadata
from app.providers.apis.arguments import is_whole
from app.providers.apis.tool_calls import MOST_WORD, PartialCall, ToolCalls


class CallPieces:
    """Puts the calls of one response together. `tools` are the names of those that the model may call: they tell the
    pieces of one name from the names of two calls. `note` is given each piece with the call that it belongs to."""

    def __init__(
        self, tools: Collection[str] = (), note: Callable[[PartialCall, Mapping[str, Any]], object] = lambda *_: None
    ) -> None:
        self._tools = frozenset(tools)
        self._note = note
        self._calls = ToolCalls()

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, pieces: Any) -> None:
        """Add the pieces of one event: a list, or one by itself, as TGI sends it (text-generation-inference#2949).

        Raises ModelError where there are too many calls, or too much of them.
        """
        for piece in [pieces] if isinstance(pieces, Mapping) else pieces or ():
            if piece:
                self._add(piece)

    def finish(self, metadata: Callable[[PartialCall], ProviderMetadata | None] = lambda _: None) -> list[ToolCalled]:
        """All calls, with their `metadata`. Raises ModelError as `add` does."""
        return self._calls.finish(metadata)

    def _add(self, piece: Mapping[str, Any]) -> None:
        function = piece.get("function")
        if not isinstance(function, Mapping):  # its fields stand in the piece itself
            function = {name: piece.get(name) for name in ("name", "arguments")}
            piece = {**{name: piece[name] for name in piece.keys() - function}, "function": function}
        number, call_id, name = _number(piece.get("index")), _word(piece.get("id")), _word(function.get("name"))
        arguments = _text(function.get("arguments"))
        call = self._candidate(number, call_id, name)
        if call is None or self._begins_another(call, number, call_id, name, arguments):
            call = self._calls.start(number, call_id, name)
        elif name:
            call.name = self._joined(call.name, name)
        self._calls.identify(call, call_id)
        self._note(call, piece)
        self._calls.add(call, arguments)

    def _candidate(self, number: int | None, call_id: str, name: str) -> PartialCall | None:
        """The call to which the piece belongs, if it does not begin another one."""
        numbered = self._calls.numbered(number)
        if numbered and (not call_id or numbered.call_id in ("", call_id)):
            return numbered
        return self._calls.identified(call_id) or numbered or self._calls.last

    def _begins_another(self, call: PartialCall, number: int | None, call_id: str, name: str, arguments: str) -> bool:
        """Whether the piece is the first of another call than the candidate."""
        other_id = bool(call_id and call.call_id and call_id[:MOST_WORD] != call.call_id)
        if not name and not other_id:
            return False
        other_number = number is not None and call.number is not None and number != call.number
        begins = arguments.lstrip().startswith(("{", '"{'))
        whole = is_whole(call.arguments)
        continues = bool(arguments and call.arguments) and not (begins or whole)
        if not name:
            if other_number or number is None:
                return not continues
            return whole and call.has_arguments and (not arguments or (begins and not call.has_said(arguments)))
        if call.name not in ("", name):
            keyed = not (other_id or other_number) and bool(call_id or number is not None)
            return self._is_another_name(call, name, keyed=keyed)
        if other_id or other_number:
            return not continues if other_number or number is None else whole or not arguments
        return whole and not call_id and (number is None or (begins and not call.has_said(arguments)))

    def _is_another_name(self, call: PartialCall, name: str, *, keyed: bool) -> bool:
        """Whether a name that differs from the call's is another call's, and no further piece of this one. `keyed`: the
        piece has the call's number or id."""
        if call.arguments:
            return True
        if self._may_begin(call.name + name) or name.startswith(call.name):
            return False
        return not keyed or bool({call.name, name} & self._tools)

    def _joined(self, so_far: str, name: str) -> str:
        """The name with what another piece says of it: all of it again, its next letters, or all of it so far."""
        if self._may_begin(so_far + name) or not name.startswith(so_far):
            return (so_far + name)[:MOST_WORD]
        return name[:MOST_WORD]

    def _may_begin(self, letters: str) -> bool:
        """Whether a tool's name begins with the letters."""
        return any(tool.startswith(letters) for tool in self._tools)


def _number(value: Any) -> int | None:
    """A piece's number; some servers write it as a text."""
    try:
        return None if value is None else int(value)
    except (ValueError, TypeError, OverflowError):
        return None


def _word(value: Any) -> str:
    """An id or a name; "" where there is none. "null" is none: BerriAI/litellm#12513."""
    if isinstance(value, int):
        value = str(value)
    return value if isinstance(value, str) and value != "null" else ""


def _text(arguments: Any) -> str:
    """A piece of arguments as JSON; some servers write it as the object itself."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else orjson.dumps(arguments).decode()
