"""Requests of vendors' clients that are good, as large as a body may be, and of as many small things as fit: what a
coding agent sends late in its day, and what somebody sends who knows what costs most."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
from support.hostile_bodies import LARGEST

Body = dict[str, Any]
_QUESTION = {"role": "user", "content": "Hello"}
_WIDE = {
    "type": "object",
    "properties": {f"p{number}": {"type": "string", "enum": ["a"] * 5} for number in range(1200)},
}


def largest_requests(model: str) -> Iterator[tuple[str, str, bytes]]:
    """Of each the name, the path and the body."""
    made: Mapping[str, tuple[str, Callable[[int], Body]]] = {
        "messages": ("/v1/chat/completions", lambda n: {"messages": [_QUESTION] * min(n, 1000)}),
        "parts": ("/v1/chat/completions", lambda n: {"messages": _of_parts(n, "text")}),
        "calls": ("/v1/chat/completions", lambda n: {"messages": _calls(n)}),
        "tools": ("/v1/chat/completions", lambda n: {"messages": [_QUESTION], "tools": _functions(min(n, 512))}),
        "blocks": ("/v1/messages", lambda n: {"max_tokens": 9, "messages": _of_parts(n, "text")}),
        "uses": ("/v1/messages", lambda n: {"max_tokens": 9, "messages": _uses(n)}),
        "counted": ("/v1/messages/count_tokens", lambda n: {"messages": _uses(n)}),
        "items": ("/v1/responses", lambda n: {"input": _items(min(n, 499))}),
        "content": ("/v1/responses", lambda n: {"input": _of_parts(n, "input_text")}),
        "schemas": ("/v1/responses", lambda n: {"input": "Hello", "tools": _wide_functions(min(n, 4))}),
    }
    for name, (path, body) in made.items():
        yield name, path, _fitting(lambda number, body=body: orjson.dumps({"model": model, **body(number)}))


def _fitting(make: Callable[[int], bytes]) -> bytes:
    """The one of the greatest number that there is room for."""
    least, most = 1, LARGEST
    while least < most:
        number = (least + most + 1) // 2
        if len(make(number)) <= LARGEST:
            least = number
        else:
            most = number - 1
    return make(least)


def _of_parts(number: int, kind: str) -> list[Any]:
    part = {"type": kind, "text": "x"}
    return [{"role": "user", "content": [part] * min(1000, number - at)} for at in range(0, number, 1000)]


def _calls(number: int) -> list[Any]:
    calls = [{"id": f"c{each}", "function": {"name": "x"}} for each in range(number)]
    return [
        _QUESTION,
        *({"role": "assistant", "tool_calls": calls[at : at + 128]} for at in range(0, number, 128)),
        _QUESTION,
    ]


def _functions(number: int) -> list[Any]:
    return [{"type": "function", "function": {"name": f"t{each}"}} for each in range(number)]


def _wide_functions(number: int) -> list[Any]:
    return [{"type": "function", "name": f"t{each}", "parameters": _WIDE} for each in range(number)]


def _uses(number: int) -> list[Any]:
    messages: list[Any] = [_QUESTION]
    for at in range(0, number, 1000):
        ids = [f"c{each}" for each in range(at, min(at + 1000, number))]
        uses = [{"type": "tool_use", "id": each, "name": "x", "input": {}} for each in ids]
        results = [{"type": "tool_result", "tool_use_id": each, "content": "x"} for each in ids]
        messages += [{"role": "assistant", "content": uses}, {"role": "user", "content": results}]
    return messages


def _items(number: int) -> list[Any]:
    ids = [f"c{each}" for each in range(number)]
    calls = [{"type": "function_call", "call_id": each, "name": "x", "arguments": "{}"} for each in ids]
    return [_QUESTION, *calls, *({"type": "function_call_output", "call_id": each, "output": "x"} for each in ids)]
