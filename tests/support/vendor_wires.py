"""What the clients of vendors' APIs do: OpenAI's chat completions and responses, Anthropic's messages."""

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

import requests

from app.testing.wire_client import ERROR_MESSAGES, Reply, WireClient, sse_frames
from app.wires.messages.encoder import MessageEncoder
from app.wires.openai.encoder import CompletionEncoder
from app.wires.responses.encoder import ResponseEncoder
from app.wires.responses.requests import ResponseRequestSchema


@cache
def agent_of(url: str, key: str) -> str:
    """The agent that the key is for."""
    headers = {"Authorization": f"Bearer {key}"}
    listed = requests.get(f"{url}/api/v2/agents", headers=headers, timeout=30).json()
    return str(listed["data"][0]["id"])


class VendorClient(WireClient):
    """What the three have in common: a model is named, and the whole conversation is posted in one field."""

    key_kind = "secret"
    ignores_fields = True
    content_type = "text/event-stream; charset=utf-8"
    stream = True
    said_in = "messages"
    """The body's field that has the conversation."""

    def complete_body(self, body: dict[str, Any], url: str, key: str) -> dict[str, Any]:
        return {**body, "model": agent_of(url, key)} if "model" in body else body

    def dialogue(self, first: str, answer: str, second: str) -> Sequence[dict[str, Any]]:
        said = [("user", first), ("assistant", answer), ("user", second)]
        return [{**self.body(""), self.said_in: [{"role": role, "content": text} for role, text in said]}]

    def frames(self, data: bytes) -> list[Any]:
        return sse_frames(data)

    def stream_path(self, path: str, body: dict[str, Any], answer: bytes) -> str:
        return path


class Completions(VendorClient):
    path = "/v1/chat/completions"
    methods = "DELETE, GET, HEAD, OPTIONS, POST"
    name = "openai"
    credentials = (("Authorization", "Bearer {}"), ("x-api-key", "{}"))
    finds_by_position = True
    final = b"[DONE]"
    kinds: ClassVar[dict[int, str]] = {
        401: "authentication_error",
        402: "insufficient_quota",
        403: "permission_error",
        429: "rate_limit_error",
    }

    def body(self, text: str) -> dict[str, Any]:
        return {"model": "open", "messages": [{"role": "user", "content": text}], "stream": self.stream}

    def decode(self, data: bytes) -> Reply:
        frames = self.frames(data)
        events = [frame for frame in frames if frame is not None]
        assert events[-1:] == ["[DONE]"] or "[DONE]" not in events, events
        chunks = [event for event in events if event != "[DONE]"]
        failure = chunks.pop()["error"]["message"] if chunks and "error" in chunks[-1] else None
        assert len({(chunk["id"], chunk["created"]) for chunk in chunks}) <= 1, "the same throughout"
        choices = [chunk["choices"][0] for chunk in chunks]
        assert all(choice["index"] == 0 and choice["logprobs"] is None for choice in choices)
        reasons = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
        ended = events[-1:] == ["[DONE]"] and (bool(failure) or (len(reasons) == 1 and choices[-1]["delta"] == {}))
        tokens = [choice["delta"]["content"] for choice in choices if choice["delta"].get("content")]
        return Reply(tokens, ended, failure, frames.count(None))

    def is_error(self, status: int, body: Any) -> bool:
        error = body["error"]
        words = {**ERROR_MESSAGES, 400: error["message"], 404: error["message"]}[status]
        kind = self.kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
        return set(error) == {"message", "type", "param", "code"} and (error["message"], error["type"]) == (words, kind)

    def encoder(self) -> Any:
        return CompletionEncoder("open", lambda _call: True)


class CompletionsWhole(Completions):
    content_type = "application/json"
    streamed = stream = False

    def decode(self, data: bytes) -> Reply:
        body = json.loads(data)
        (choice,) = body["choices"]
        whole = {"id", "object", "created", "model", "choices", "usage"} == set(body) and choice["finish_reason"]
        return Reply([choice["message"]["content"]], bool(whole))


class Messages(VendorClient):
    path = "/v1/messages"
    methods = "DELETE, GET, HEAD, OPTIONS, POST"
    name = "messages"
    credentials = (("x-api-key", "{}"), ("Authorization", "Bearer {}"))
    finds_by_position = True
    final = b"event: message_stop"
    kinds: ClassVar[dict[int, str]] = {
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        503: "overloaded_error",
        504: "timeout_error",
    }

    def body(self, text: str) -> dict[str, Any]:
        asked = {"model": "open", "max_tokens": 1_000_000, "messages": [{"role": "user", "content": text}]}
        return {**asked, "stream": self.stream}

    def decode(self, data: bytes) -> Reply:
        frames = self.frames(data)
        events = [frame for frame in frames if frame is not None]
        kinds = [event["type"] for event in events]
        failure = events[-1]["error"]["message"] if kinds[-1:] == ["error"] else None
        ended = kinds[:1] == ["message_start"] and (bool(failure) or kinds[-2:] == ["message_delta", "message_stop"])
        ended = ended and not {"message_start", "message_delta", "message_stop", "error"} & {*kinds[1:-2]}
        deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
        tokens = [delta["text"] for delta in deltas if delta["type"] == "text_delta"]
        return Reply(tokens, ended, failure, frames.count(None))

    def is_error(self, status: int, body: Any) -> bool:
        error = body["error"]
        words = {**ERROR_MESSAGES, 400: error["message"], 404: error["message"]}[status]
        kind = self.kinds.get(status, "invalid_request_error" if status < 500 else "api_error")
        return set(body) == {"type", "error", "request_id"} and error == {"type": kind, "message": words}

    def encoder(self) -> Any:
        return MessageEncoder("open", lambda _call: True, input_tokens=1, shows_thoughts=False)


class MessagesWhole(Messages):
    content_type = "application/json"
    streamed = stream = False

    def decode(self, data: bytes) -> Reply:
        body = json.loads(data)
        head = {"id", "type", "role", "model", "container"}
        whole = head | {"content", "stop_reason", "stop_sequence", "stop_details", "usage"} == set(body)
        return Reply([block["text"] for block in body["content"] if block["type"] == "text"], whole)


class Responses(VendorClient):
    path = "/v1/responses"
    said_in = "input"
    methods = "OPTIONS, POST"
    name = "responses"
    tells_again = True
    credentials = (("Authorization", "Bearer {}"),)
    final = b"[DONE]"

    def body(self, text: str) -> dict[str, Any]:
        return {"model": "open", "input": text, "stream": self.stream}

    def decode(self, data: bytes) -> Reply:
        frames = self.frames(data)
        events = [frame for frame in frames if frame is not None]
        told = [event for event in events if event != "[DONE]"]
        numbers = [event["sequence_number"] for event in told]
        assert numbers == sorted({*numbers}), "they ascend"
        kinds = [event["type"].removeprefix("response.") for event in told]
        ended = events == [*told, "[DONE]"] and kinds[:2] == ["created", "in_progress"]
        ended = ended and [kind for kind in kinds if kind in ("completed", "incomplete", "failed")] == kinds[-1:]
        failure = told[-2]["error"]["message"] if kinds[-2:] == ["error", "failed"] else None
        assert (told[-1]["response"]["error"] is None) == (failure is None)
        tokens = [event["delta"] for event in told if event["type"] == "response.output_text.delta"]
        if ended and not failure:
            assert _said(told[-1]["response"]) == "".join(tokens), "the end repeats the output"
        return Reply(tokens, bool(ended), failure, frames.count(None))

    def stream_path(self, path: str, body: dict[str, Any], answer: bytes) -> str:
        found = re.search(rb'"id":"(resp_[0-9a-f]{32})"', answer)
        assert found, answer
        return f"{path}/{found[1].decode()}?stream=true"

    def stop(self, path: str, body: dict[str, Any], answer: bytes) -> tuple[str, str]:
        return "POST", self.stream_path(path, body, answer).replace("?stream=true", "/cancel")

    def is_error(self, status: int, body: Any) -> bool:
        return Completions().is_error(status, body)

    def encoder(self) -> Any:
        asked = ResponseRequestSchema().load(self.body("Hi")).asked
        return ResponseEncoder(asked, lambda _call: True, completed_at=1000)


def _said(response: Any) -> str:
    contents = [item["content"] for item in response["output"] if item["type"] == "message"]
    return "".join(part["text"] for content in contents for part in content)


class ResponsesWhole(Responses):
    content_type = "application/json"
    streamed = stream = False

    def decode(self, data: bytes) -> Reply:
        body = json.loads(data)
        return Reply([_said(body)], body["object"] == "response" and len(body) == 31)
