"""A server's OpenAPI document, and whether what it says of a response is so."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import requests
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from app.testing.server import Server
from app.testing.wire_client import sse_frames

_IDS = re.compile(rb"(?m)^id: [0-9a-f]{32}\.[0-9]+(\.end)?\n")  # of who asks for them: server-sent events' own field


class OpenApiDocument:
    def __init__(self, server: Server) -> None:
        response = requests.get(f"{server.url}/openapi.json", timeout=30)
        assert response.status_code == 200, response.text
        self.document: dict[str, Any] = response.json()

    @cached_property
    def operations(self) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        """By method (lower case) and path."""
        return {
            (method, path): operation
            for path, operations in self.document["paths"].items()
            for method, operation in operations.items()
        }

    def operation(self, method: str, path: str) -> Mapping[str, Any]:
        """What a request met; a path without parameters comes first."""
        for (known, template), operation in sorted(self.operations.items(), key=lambda each: "{" in each[0][1]):
            if known == method.lower() and re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path):
                return operation
        raise AssertionError(f"{method} {path} is not described")

    def check(self, response: requests.Response) -> None:
        """Its status, its type and its body, be it a stream, are described."""
        asked = response.request
        assert asked.method
        assert asked.url
        content_type = response.headers.get("Content-Type")
        self.check_answer(asked.method, urlsplit(asked.url).path, response.status_code, content_type, response.content)

    def check_answer(self, method: str, path: str, status: int, content_type: str | None, body: bytes) -> None:
        answer = self.resolved(self.operation(method, path)["responses"][str(status)])
        if "content" not in answer:
            assert (content_type, body) == (None, b"")
            return
        assert content_type
        self.check_body(content_type, answer["content"][content_type.partition(";")[0]]["schema"], body)

    def check_body(self, content_type: str, schema: Mapping[str, Any], body: bytes) -> None:
        if content_type.startswith("text/event-stream"):
            data = schema["properties"]["data"]
            event, *last = data.get("anyOf", [data])
            frames = [frame for frame in sse_frames(_IDS.sub(b"", body)) if frame is not None]
            if last:
                assert frames.pop() == last[0]["const"]
            for frame in frames:
                self.check_value(event["contentSchema"], frame)
        elif content_type.startswith("application/x-ndjson"):
            for line in body.splitlines():
                if line:
                    self.check_value(schema, json.loads(line))
        else:
            text = content_type.startswith("text/")
            self.check_value(schema, body.decode() if text else json.loads(body))

    def check_value(self, schema: Mapping[str, Any], value: Any) -> None:
        whole = {**schema, "components": self.document["components"]}
        validator = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
        wrong = best_match(validator.iter_errors(value))
        assert wrong is None, f"{wrong.json_path}: {wrong.message}, in: {value}"

    def resolved(self, found: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in found:
            target: Any = self.document
            for name in found["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            found = target
        return found

    def examples(self) -> Iterator[tuple[str, str, Mapping[str, Any], Any]]:
        """Where it is, its content type, its schema, and the example."""
        for (method, path), operation in self.operations.items():
            for parameter in operation.get("parameters", ()):
                if "example" in parameter:
                    yield (
                        f"{method} {path} {parameter['name']}",
                        "application/json",
                        parameter["schema"],
                        parameter["example"],
                    )
            bodies = {"body": operation.get("requestBody", {}), **operation["responses"]}
            for name, body in bodies.items():
                for content_type, content in self.resolved(body).get("content", {}).items():
                    named = content.get("examples", {}).values()
                    for example in (
                        *(each["value"] for each in named),
                        *([content["example"]] if "example" in content else ()),
                    ):
                        yield f"{method} {path} {name}", content_type, content["schema"], example
