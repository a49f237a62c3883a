"""The OpenAPI document as what its page shows: sections of operations, and schemas as rows of tables."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from app.schemas.fields import NOT_BLANK

STYLE = (Path(__file__).parent / "templates" / "docs.css").read_text(encoding="utf-8")
_NOT_BLANK = rf"^{NOT_BLANK.regex.pattern!s}"
_DEEPEST = 4  # levels of objects in objects that are shown
_WORDS = {
    "pattern": "pattern `{}`",
    "format": "{}",
    "exclusiveMinimum": "more than {}",
    "default": "`{}` unless said otherwise",
}
_BETWEEN = {"Length": " characters", "Items": " of them", "imum": ""}
_TYPES = {
    "object": "object",
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A field: its dotted name, its type, whether it must be there, and what else is asked of it."""

    name: Markup
    type: str
    required: bool
    text: Markup


def sections(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A wire each: its name, what it is about, its credentials, its operations."""
    read = _Reader(document)
    return [
        {
            "name": tag["name"],
            "about": prose(tag["description"]),
            "operations": [
                read.operation(method, path, operation)
                for path, operations in document["paths"].items()
                for method, operation in operations.items()
                if tag["name"] in operation["tags"]
            ],
        }
        for tag in document["tags"]
    ]


def prose(text: str) -> Markup:
    """With what stands in backquotes as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped right here


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def operation(self, method: str, path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
        parameters = operation.get("parameters", ())
        replies = {status: self._resolved(each) for status, each in operation["responses"].items()}
        body = operation.get("requestBody")
        return {
            "id": operation["operationId"],
            "method": method.upper(),
            "path": Markup("/<wbr>").join(path.split("/")),
            "summary": operation["summary"],
            "description": prose(operation.get("description", "")),
            "credential": prose(self._credentials(operation)),
            "curl": self._curl(method, path, operation),
            "parameters": [
                self._row(f"{each['name']}", each["schema"] | _description(each), required=each["required"])
                for each in parameters
            ],
            "body": self._forms(body["content"]["application/json"]["schema"]) if body else (),
            "replies": [self._reply(*each) for each in replies.items() if each[0] < "400"],
            "failures": [self._reply(*each) for each in replies.items() if each[0] >= "400"],
        }

    def _reply(self, status: str, reply: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "status": status,
            "text": prose(reply["description"]),
            "headers": [name for name in reply.get("headers", ()) if name != "X-Request-Id"],
            "contents": [
                {
                    "type": kind,
                    "forms": self._forms(content["schema"]),
                    "examples": [_shown(each) for each in _examples(content)],
                }
                for kind, content in reply.get("content", {}).items()
            ],
        }

    def _forms(self, schema: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Tables, one for each form that a body may have."""
        schema = self._resolved(schema)
        event = schema.get("properties", {}).get("data", {})
        event = event.get("anyOf", [event])[0]
        if "contentSchema" in event:
            return self._forms(event["contentSchema"])
        kinds = [self._resolved(each) for each in schema.get("oneOf", ())]
        if kinds and all("properties" in each for each in kinds):
            return [form for each in kinds for form in self._forms(each)]
        either = " or ".join(f"`{each['required'][0]}`" for each in kinds if "required" in each)
        if schema.get("type") == "array":
            return [{"note": prose("A list, of each:"), "rows": list(self._rows(self._resolved(schema["items"])))}]
        rows = list(self._rows(schema))
        return [{"note": prose(f"Exactly one of {either}." if either else ""), "rows": rows}] if rows else []

    def _rows(self, schema: Mapping[str, Any], place: str = "", depth: int = 0) -> Iterator[Row]:
        for name, inner in schema.get("properties", {}).items():
            where = f"{place}{name}"
            yield self._row(where, inner, required=name in schema.get("required", ()))
            if depth < _DEEPEST:
                yield from self._inside(where, inner, depth + 1)

    def _inside(self, place: str, schema: Mapping[str, Any], depth: int) -> Iterator[Row]:
        schema = self._resolved(schema)
        if schema.get("type") == "array":
            yield from self._inside(f"{place}[]", schema["items"], depth)
            return
        yield from self._rows(schema, f"{place}.", depth)
        for each in schema.get("oneOf", ()):
            yield from self._rows(self._resolved(each), f"{place}.", depth)

    def _row(self, name: str, schema: Mapping[str, Any], *, required: bool) -> Row:
        texts = [schema["description"]] if "description" in schema else []
        resolved = self._resolved(schema)
        if "enum" in resolved:
            texts.insert(0, ", ".join(f"`{json.dumps(each)}`" for each in resolved["enum"]))
        texts += [words for words in (_between(resolved, *each) for each in _BETWEEN.items()) if words]
        for key, words in _WORDS.items():
            if resolved.get(key) == _NOT_BLANK:
                texts.append("not blank")
            elif key in resolved:
                texts.append(words.format(json.dumps(resolved[key]) if key == "default" else resolved[key]))
        return Row(Markup(".<wbr>").join(name.split(".")), self._type(resolved), required, prose("; ".join(texts)))

    def _type(self, schema: Mapping[str, Any]) -> str:
        schema = self._resolved(schema)
        if "oneOf" in schema and "properties" not in schema:
            return " or ".join(dict.fromkeys(self._type(each) for each in schema["oneOf"]))
        if "anyOf" in schema:
            return " or ".join(self._type(each) for each in schema["anyOf"])
        if schema.get("type") == "array":
            return f"list of: {self._type(schema['items'])}"
        kinds = schema.get("type", "any value")
        return " or ".join(_TYPES.get(each, each) for each in ([kinds] if isinstance(kinds, str) else kinds))

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        resolved: Any = schema
        while "$ref" in resolved:
            target: Any = self._document
            for name in resolved["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            resolved = {**target, **{key: value for key, value in resolved.items() if key != "$ref"}}
        return resolved  # type: ignore[no-any-return]

    def _credentials(self, operation: Mapping[str, Any]) -> str:
        """Any of these; the first that is there counts."""
        schemes = [self._scheme(name) for each in operation.get("security", ()) for name in each]
        if not schemes:
            return "none"
        places = [f"`{scheme.get('name', 'Authorization: Bearer')}`" for scheme in schemes]
        credential = f"{schemes[0]['description']}, in the {schemes[0].get('in', 'header')} {' or '.join(places)}"
        return f"{credential}; or none" if {} in operation["security"] else credential

    def _scheme(self, name: str) -> Mapping[str, Any]:
        scheme: Mapping[str, Any] = self._document["components"]["securitySchemes"][name]
        return scheme

    def _curl(self, method: str, path: str, operation: Mapping[str, Any]) -> str:
        for each in operation.get("parameters", ()):
            if each["in"] == "path":
                path = path.replace(f"{{{each['name']}}}", str(each["example"]))
        parts = ["curl -N" if _streams(operation) else "curl"]
        parts[0] += f" -X {method.upper()}" if method not in ("get", "post") else ""
        parts.append(f'"$PARLANCE_URL{path}"')
        for name in list(operation.get("security", [{}])[0])[:1]:
            match self._scheme(name):
                case {"type": "http"}:
                    parts.append('-H "Authorization: Bearer $PARLANCE_KEY"')
                case {"in": "cookie", "name": cookie}:
                    parts.append(f'-b "{cookie}=$PARLANCE_SESSION"')
                case {"name": header}:
                    parts.append(f'-H "{header}: $PARLANCE_KEY"')
        if "415" in operation["responses"]:
            parts.append("-H 'Content-Type: application/json'")
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example", {})
            parts += [f"-d {shlex.quote(json.dumps(body))}"] if method != "delete" else []
        return " \\\n  ".join([" ".join(parts[:2]), *parts[2:]])


def _between(schema: Mapping[str, Any], what: str, unit: str) -> str | None:
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if least is None and most is None:
        return None
    if most is None:
        return "not empty" if unit and least == 1 else f"at least {least:,}{unit}"
    if least is None or (unit and not least):
        return f"at most {most:,}{unit}"
    return f"{least:,} to {most:,}{unit}"


def _streams(operation: Mapping[str, Any]) -> bool:
    return any(
        kind in ("text/event-stream", "application/x-ndjson")
        for reply in operation["responses"].values()
        for kind in reply.get("content", ())
    )


def _description(parameter: Mapping[str, Any]) -> dict[str, str]:
    return {"description": parameter["description"]} if "description" in parameter else {}


def _examples(content: Mapping[str, Any]) -> list[Any]:
    named = [each["value"] for each in content.get("examples", {}).values()]
    return [content["example"], *named] if "example" in content else named


def _shown(example: Any) -> str:
    return example.rstrip("\n") if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
