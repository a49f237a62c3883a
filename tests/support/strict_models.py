"""Model servers that want back what they have said, and refuse what they are reported to refuse.

Each stands in for one conversation: a question makes it call a tool, once or twice, and then it answers "42.". What it
wants back besides its words contains its `secret`.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from app.testing.model_server import LAST, Action, Request, streamed, whole
from app.testing.provider_apis import ANTHROPIC, OPENAI, event

Body = dict[str, Any]


class StrictModel:
    """`provider` is the one in parlance.toml. `refusals` are what was refused, and `bodies` the requests. Where it is
    not `streaming`, it answers in one piece. It fails while it is `broken`, and takes anything where it is `lenient`:
    it cannot tell what it has said from what another one has."""

    provider = "openai"
    options: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, secret: str, *, streaming: bool) -> None:
        self.secret, self.streaming = secret, streaming
        self.broken = self.lenient = False
        self.refusals: list[str] = []
        self.bodies: list[Body] = []
        self.said: list[Body] = []  # the assistant's messages

    def __call__(self, request: Request) -> Sequence[Action]:
        if self.broken:
            return whole(b"{}", 500)
        self.bodies.append(request.json)
        fault = None if self.lenient else self.fault(request.json)
        if fault:
            self.refusals.append(fault)
            return whole(json.dumps({"error": {"message": fault, "type": "invalid_request_error"}}).encode(), 400)
        return self.reply(request.json)

    def fault(self, body: Body) -> str | None:
        """What is wrong with the request."""
        for number, (sent, own) in enumerate(zip(assistants(body), self.said, strict=False)):
            if any(sent.get(name) != own.get(name) for name in self.wants):
                return f"{self.wants} of the assistant's message {number} must be passed back to the API."
            for call, own_call in zip(sent.get("tool_calls", ()), own.get("tool_calls", ()), strict=False):
                if call.get("extra_content") != own_call.get("extra_content"):
                    return f"Function call is missing a thought_signature in functionCall parts, position {number}."
        return None

    @property
    def own(self) -> str:
        """A text that is in all that it wants back, and in nothing else."""
        return self.secret

    wants: tuple[str, ...] = ()
    """The fields of its messages, beside its words and calls."""

    def reply(self, body: Body) -> Sequence[Action]:
        calls = body["messages"][-1]["role"] == "user"
        message = self.calling(tool_of(body), len(self.said)) if calls else self.answering(len(self.said))
        self.said.append(message)
        if not self.streaming:
            choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
            return whole(json.dumps({"choices": [choice]}).encode())
        deltas = [{"role": "assistant", "content": ""}, *self.deltas(message)]
        return [*streamed(*(OPENAI.delta(**delta) for delta in deltas), OPENAI.end("stop")), LAST]

    def calling(self, tool: Body, number: int) -> Body:
        raise NotImplementedError

    def answering(self, number: int) -> Body:
        raise NotImplementedError

    def deltas(self, message: Body) -> list[Body]:
        """The message in the pieces in which the server sends it."""
        raise NotImplementedError


class DeepSeek(StrictModel):
    """Its guide "Thinking mode"."""

    wants = ("reasoning_content",)

    @property
    def own(self) -> str:
        return f"{self.secret[-9:]} I should look"

    def calling(self, tool: Body, number: int) -> Body:
        return {"content": None, "reasoning_content": f"{self.own} {number}.", "tool_calls": [called(tool)]}

    def answering(self, number: int) -> Body:
        return {"content": "42.", "reasoning_content": f"{self.own} no more {number}."}

    def deltas(self, message: Body) -> list[Body]:
        words: str = message["reasoning_content"]
        pieces = [{"reasoning_content": words[:8], "content": None}, {"reasoning_content": words[8:], "content": None}]
        calls = message.get("tool_calls")
        return [*pieces, {"tool_calls": calls} if calls else {"content": "42.", "reasoning_content": None}]


class Gemini(StrictModel):
    """Google's guide "Thought signatures": on the first of parallel calls, and beside text."""

    wants = ("extra_content",)

    def calling(self, tool: Body, number: int) -> Body:
        first, second = called(tool), {**called(tool), "index": 1, "id": "other"}
        return {"content": None, "tool_calls": [{**first, **self._signature(number)}, second]}

    def answering(self, number: int) -> Body:
        return {"content": "42.", **self._signature(number)}

    def _signature(self, number: int) -> Body:
        return {"extra_content": {"google": {"thought_signature": f"{self.secret}{number}=="}}}

    def deltas(self, message: Body) -> list[Body]:
        if "tool_calls" in message:
            return [{"tool_calls": [call]} for call in message["tool_calls"]]
        return [{"content": "42."}, {"content": "", "extra_content": message["extra_content"]}]


class OpenRouter(StrictModel):
    """Its guide "Reasoning tokens"."""

    wants = ("reasoning_details",)

    def calling(self, tool: Body, number: int) -> Body:
        return {"content": None, "tool_calls": [called(tool)], **self._thoughts(number)}

    def answering(self, number: int) -> Body:
        return {"content": "42.", **self._thoughts(number)}

    def _thoughts(self, number: int) -> Body:
        words = f"I should look {number}."
        common = {"format": "anthropic-claude-v1", "id": None}
        details = [
            {"type": "reasoning.text", "text": words, "signature": f"{self.secret}{number}", "index": 0, **common},
            {"type": "reasoning.encrypted", "data": f"{self.secret}{number}", "index": 1, **common},
        ]
        return {"reasoning": words, "reasoning_details": details}

    def deltas(self, message: Body) -> list[Body]:
        text, encrypted = message["reasoning_details"]
        words = text["text"]
        pieces = [
            *({**text, "text": piece, "signature": None} for piece in (words[:5], words[5:])),
            {**text, "text": None},
            encrypted,
        ]
        thoughts: list[Body] = [{"content": "", "reasoning_details": [piece]} for piece in pieces]
        for delta, piece in zip(thoughts, (words[:5], words[5:]), strict=False):
            delta["reasoning"] = piece
        return [*thoughts, {"tool_calls": message["tool_calls"]} if "tool_calls" in message else {"content": "42."}]


class Anthropic(StrictModel):
    """Its guides "Thinking" and "Preserved thinking": thoughts are signed together with all that stands before them."""

    provider = "anthropic"
    options: Mapping[str, Any] = MappingProxyType({"thinking_tokens": 1024})

    def fault(self, body: Body) -> str | None:
        messages = body["messages"]
        thinking = body.get("thinking", {}).get("type") == "enabled"
        for place, message in enumerate(messages):
            for number, block in enumerate(message["content"]):
                if is_thought(block) and block != self._thought(number, body, place, block.get("thinking", "")):
                    return f"messages.{place}.content.{number}: Invalid `signature` in `thinking` block"
        if messages[-1]["content"][0]["type"] != "tool_result":
            return None
        last = messages[-2]["content"]
        if thinking and not is_thought(last[0]):
            return "a final `assistant` message must start with a thinking block"
        if not thinking and any(map(is_thought, last)):
            return "When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`."
        return None

    def _thought(self, number: int, body: Body, place: int, words: str) -> Body:
        before = json.dumps([body.get("system"), body.get("tools"), body["messages"][:place]], sort_keys=True)
        signature = f"{self.secret}{sha256(f'{number} {words} {before}'.encode()).hexdigest()}"
        if number:
            return {"type": "redacted_thinking", "data": signature}
        return {"type": "thinking", "thinking": words, "signature": signature}

    def reply(self, body: Body) -> Sequence[Action]:
        messages, blocks = body["messages"], list[Body]()
        rounds = len(messages) - max(n for n, each in enumerate(messages) if each["content"][0]["type"] == "text")
        if "thinking" in body:
            blocks = [self._thought(number, body, len(messages), "Hm" * (1 - number)) for number in (0, 1)]
        if rounds < 5:  # twice
            tool = tool_of(body)["function"]
            arguments = {"expression": f"{rounds}+{len(self.bodies)}"} if tool["name"] == "calculator" else {}
            blocks += [
                {"type": "tool_use", "id": f"toolu_{len(self.bodies)}", "name": tool["name"], "input": arguments}
            ]
        else:
            blocks += [{"type": "text", "text": "42."}]
        if not self.streaming:
            message = {"type": "message", "content": blocks, "stop_reason": "end_turn", "usage": {}}
            return whole(json.dumps(message).encode())
        return [*streamed(ANTHROPIC.begin, *map(self._events, blocks, range(9)), ANTHROPIC.end()), LAST]

    @staticmethod
    def _events(block: Body, index: int) -> bytes:
        empty = {**block, **{name: "" for name in ("thinking", "signature", "text") if name in block}}
        deltas = {"thinking": "thinking_delta", "signature": "signature_delta", "text": "text_delta"}
        return (
            event("content_block_start", index=index, content_block=empty)
            + b"".join(
                event("content_block_delta", index=index, delta={"type": kind, name: block[name]})
                for name, kind in deltas.items()
                if name in block
            )
            + event("content_block_stop", index=index)
        )


STRICT_MODELS: tuple[type[StrictModel], ...] = (DeepSeek, Gemini, OpenRouter, Anthropic)


def assistants(body: Body) -> list[Body]:
    return [message for message in body["messages"] if message["role"] == "assistant"]


def is_thought(block: Body) -> bool:
    return block["type"] in ("thinking", "redacted_thinking")


def tool_of(body: Body) -> Body:
    """The first tool that is offered, as OpenAI's API has it."""
    tool: Body = body["tools"][0]
    return tool if "function" in tool else {"type": "function", "function": tool}


def called(tool: Body) -> Body:
    name = tool["function"]["name"]
    arguments = '{"expression": "6*7"}' if name == "calculator" else "{}"
    return {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
