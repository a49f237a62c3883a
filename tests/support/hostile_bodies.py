"""Bodies that take as long to look at as they can: of an operation's schema, with one place after another spoilt."""

import string
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import orjson
from support.openapi_document import OpenApiDocument

LARGEST = 262_144  # bytes: the default of `body_bytes`
TEXTS = (
    *(
        "x",
        "",
        " ",
        "\x00",
        "\x01",
        "é",
        "😀",
        "\u2028",
        "\ufeff",
        "a\n",
        '"',
        "\\",
        "<",
        "&amp;",
        "%00",
        "../",
        "a b ",
    ),
    *("{{ input }}", "{{ steps.a.result }}", "{% for x in input %}{{ x }}{% endfor %}", "{{ 1 + 1 }}", "{{", "{#"),
    *("12 * 7", "((((", "9**9**9**9", "say: x ", "what is my ", "help ", "[", '[{"text":"a"}]', "\r\n\r\n"),
    *("' OR 1=1 --", "__proto__", "data", "$ref", "id", "msg_", "null", "true", "1e999", "-1", "2026-01-31"),
)
LONELY = (None, True, False, 0, -1, 1.5, 2**53, -(2**63), 2**64 - 1, 1e308, "", " ", "x", [], {}, [[]], [{}], {"": {}})
PARTS = (
    {"type": "text", "text": "x"},
    {"type": "reasoning", "text": "x"},
    {"type": "step-start"},
    {"type": "file", "url": "x"},
    {"type": "tool-x", "toolCallId": "c", "state": "output-available", "input": {"a": 1}, "output": [1, {"b": 2}]},
    {"type": "tool-x", "toolCallId": "c", "state": "output-error", "input": {}, "errorText": "x"},
    {"type": "dynamic-tool", "toolName": "x", "toolCallId": "c", "state": "input-available", "input": []},
)
VENDORS_PARTS = (
    {"type": "text", "text": "x"},
    {"type": "input_text", "text": "x"},
    {"type": "output_text", "text": "x"},
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,eHh4"}},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eHh4"}},
    {"type": "tool_use", "id": "c", "name": "x", "input": {"a": 1}},
    {"type": "tool_result", "tool_use_id": "c", "content": "x"},
    {"type": "thinking", "thinking": "x", "signature": "x"},
)
ITEMS = (
    {"type": "message", "role": "user", "content": "x"},
    {"role": "user", "content": [{"type": "input_text", "text": "x"}]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
    {"type": "function_call", "call_id": "c", "name": "x", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "x"},
    {"type": "item_reference", "id": "msg_x"},
    {"type": "reasoning", "summary": [], "encrypted_content": "x"},
)
LISTS: Mapping[str, Sequence[Mapping[str, Any]]] = {"parts": PARTS, "content": VENDORS_PARTS, "input": ITEMS}
IDS = ("id", "toolCallId", "call_id", "tool_call_id", "tool_use_id")
UNFINISHED = ((b"[", b"]"), (b'{"a":', b"}"), (b'"', b'"'), (b"9", b""), (b"\xff", b""))


class Bodies:
    """`places` are values that lead somewhere, by the names of fields; `size` is about how long what is made is."""

    def __init__(self, document: OpenApiDocument, random: Random, places: Mapping[str, Any], size: int) -> None:
        self._document, self._random, self._places, self._size = document, random, places, size

    def often(self, share: float) -> bool:
        return self._random.random() < share

    def text(self, most: int) -> str:
        """Something short, or the same again and again."""
        text = self._random.choice(TEXTS) if self.often(0.7) else self._random.choice(string.printable)
        return (text or "x") * self._random.choice((1, 1, 2, max(1, most // max(1, len(text.encode())))))

    def body(self, content: Mapping[str, Any]) -> bytes:
        """For an operation whose requestBody has this content; JSON in nearly all cases."""
        random = self._random
        if self.often(0.04):
            opened, closed = random.choice(UNFINISHED)
            return opened * random.choice((100, 1000, self._size // 2)) + closed * random.choice((0, 1000))
        value = self._example(content)
        data = orjson.dumps(value)
        for _ in range(random.choice((0, 1, 1, 1, 2, 5))):
            worse = self._spoilt(value)
            longer = orjson.dumps(worse)
            if len(longer) <= LARGEST:
                value, data = worse, longer
        if self.often(0.03):
            cut = random.randrange(len(data) + 1)
            return data[:cut] + random.choice((b"", b"\xff", b"}", b"\x00", data))
        return data

    def _example(self, content: Mapping[str, Any]) -> Any:
        if self.often(0.04):
            return self._bomb()
        value = self._valid(content.get("schema", {"type": "object"}), "")
        if "example" in content and self.often(0.3):
            value = content["example"]
        if isinstance(value, dict):
            return {name: self._places.get(name, inner) for name, inner in value.items()}
        return value

    def _valid(self, schema: Mapping[str, Any], name: str) -> Any:
        """A value that the schema describes, or nearly."""
        schema = self._document.resolved(schema)
        if name in self._places:
            return self._places[name]
        if name in LISTS and (name == "parts" or self.often(0.5)):
            return [dict(self._random.choice(LISTS[name])) for _ in range(self._random.choice((1, 1, 3)))]
        choices = next((schema[each] for each in ("oneOf", "anyOf", "enum") if each in schema), None)
        if choices and "properties" not in schema:
            picked = self._random.choice(choices)
            return self._valid(picked, name) if isinstance(picked, dict) else picked
        kind = schema.get("type", "object")
        return self._of_type(self._random.choice(kind) if isinstance(kind, list) else kind, schema)

    def _of_type(self, kind: str, schema: Mapping[str, Any]) -> Any:
        random = self._random
        if kind == "object":
            needed = {*schema.get("required", ()), *random.choice(schema.get("oneOf", [{}])).get("required", ())}
            fields = schema.get("properties", {})
            taken = [field for field in fields if field in needed or ("oneOf" not in schema and self.often(0.3))]
            return {field: self._valid(fields[field], field) for field in taken}
        if kind == "array":
            number = max(schema.get("minItems", 0), random.choice((1, 2)))
            return [self._valid(schema.get("items", {}), "") for _ in range(number)]
        numbers = (schema.get("minimum", 0), schema.get("maximum", 1), 1)
        values: Mapping[str, Sequence[Any]] = {
            "integer": numbers,
            "number": numbers,
            "boolean": (True, False),
            "string": ("x", random.choice(TEXTS)),
        }
        return random.choice(values.get(kind, (None,)))

    def _spoilt(self, value: Any) -> Any:
        """The value, with one of its places made hostile."""
        if isinstance(value, dict) and value and self.often(0.75):
            return self._spoilt_object(value)
        if isinstance(value, list) and value and self.often(0.8):
            return self._spoilt_list(value)
        if isinstance(value, str) and self.often(0.6):
            return (value or "x") * max(1, self._size // max(1, len(value.encode())))
        return self._bomb()

    def _spoilt_object(self, value: dict[str, Any]) -> dict[str, Any]:
        name = self._random.choice(list(value))
        match self._random.randrange(10):
            case 0:
                return {other: inner for other, inner in value.items() if other != name}
            case 1:
                return {**value, self.text(self._size): self._random.choice(LONELY)}
            case 2:
                return {**value, **dict.fromkeys(map(hex, range(self._size // 14)), 0)}
        return {**value, name: self._spoilt(value[name])}

    def _spoilt_list(self, value: list[Any]) -> list[Any]:
        if self.often(0.4):
            return [self._spoilt(value[0]), *value[1:]]
        item = value[0] if self.often(0.5) else self._spoilt(value[0])
        most = max(1, self._size // (len(orjson.dumps(item)) + 1))
        items = [item] * min(most, self._random.choice((most, most, 20, 50, 999, 1000, 4000)))
        if isinstance(item, dict) and self.often(0.5):
            names = [name for name in IDS if name in item]
            items = [{**item, **{name: f"{item[name]}{number}" for name in names}} for number in range(len(items))]
        return items + value[-1:]

    def _bomb(self) -> Any:
        random, size = self._random, self._size
        makers: Sequence[Callable[[], Any]] = (
            lambda: random.choice(LONELY),
            lambda: [random.choice(LONELY)] * (size // 5),
            lambda: dict.fromkeys(map(hex, range(size // 12)), random.choice(LONELY)),
            self._nested,
            lambda: [[[]] * (size // 3)],
            lambda: [
                {
                    "id": f"s{number}",
                    "say": "x",
                    "dependsOn": [f"s{other}" for other in range(max(0, number - 5), number)],
                }
                for number in range(size // 60)
            ],
            lambda: [{**random.choice(PARTS), "toolCallId": f"c{number}"} for number in range(size // 120 + 1)],
            lambda: self.text(size),
            lambda: {self.text(size): self.text(20)},
        )
        return random.choice(makers)()

    def _nested(self) -> Any:
        value: Any = 1
        as_list = self.often(0.5)
        for _ in range(self._random.choice((5, 40, 63, 64, 65, 90, 99, 100, 120))):
            value = [value] if as_list else {"a": value}
        return value
