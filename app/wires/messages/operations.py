"""The operations of this wire."""

from typing import Any

import orjson

from app.engine.errors import Problem
from app.engine.messages import Usage
from app.web.reference.operations import ASKED_FOR_IDS, Content, Operation, Reference, Reply, ok
from app.web.requests.asked_answer import operations_on_answers
from app.wires.messages.encoder import NO_DETAILS, message_head, text_block, usage_body
from app.wires.messages.replies import EVENT, AnsweredSchema, CountSchema, ErrorSchema, StoppedSchema
from app.wires.messages.requests import MessageRequestSchema, TokensRequestSchema

_ID = "msg_404f8a7c2f0b4e4f9a1d1b7f7d3c5e60"
_USAGE = usage_body(Usage(28, 3))
_HEAD = message_head(_ID.removeprefix("msg_"), "demo")
_ASKED = {"model": "demo", "messages": [{"role": "user", "content": "What is 2+2?"}]}


def _event(**fields: Any) -> str:
    return f"event: {fields['type']}\ndata: {orjson.dumps(fields).decode()}\n\n"


_EVENTS = Content(
    EVENT,
    _event(
        type="message_start",
        message={
            **_HEAD,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**_USAGE, "output_tokens": 1},
        },
    )
    + _event(type="content_block_start", index=0, content_block=text_block(""))
    + _event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": "2+2 = 4"})
    + _event(type="content_block_stop", index=0)
    + _event(type="message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None, **NO_DETAILS}, usage=_USAGE)
    + _event(type="message_stop"),
    "text/event-stream",
)
_MESSAGE = {
    **_HEAD,
    "content": [text_block("2+2 = 4")],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": _USAGE,
}

REFERENCE = Reference(
    about="Anthropic's Messages API: a secret key reaches the key's agent, by its id or as one of its models. The "
    "caller sends the whole conversation each time. Tools that it declares run at the caller's; the agent's own run in "
    "the server, and their calls are not told. `anthropic-version` and `anthropic-beta` may have any value.",
    error=ErrorSchema,
    operations=(
        Operation(
            "post",
            "/v1/messages",
            "Answer a conversation",
            (
                Reply(
                    200,
                    'With `"stream": true` server-sent events, which say their type twice; or one object. A comment, '
                    "`: keep-alive`, fills a silence. A failure behind the first byte is an event of the type `error`.",
                    (_EVENTS, Content(AnsweredSchema, _MESSAGE)),
                ),
            ),
            description="`system` is accepted where the agent has `allow_system`, images where a model has `images`. "
            "Fields that are not named here are ignored.",
            body=MessageRequestSchema,
            example={**_ASKED, "max_tokens": 1024},
            headers=ASKED_FOR_IDS,
            cost="answer",
            problems=(Problem.MODEL_NOT_FOUND,),
        ),
        Operation(
            "post",
            "/v1/messages/count_tokens",
            "Count tokens",
            (
                ok(
                    "By the model's server where that counts, in a few seconds; else an estimate: a token for each "
                    "four bytes of text and of tools, and some for each message.",
                    CountSchema,
                    {"input_tokens": 362},
                ),
            ),
            body=TokensRequestSchema,
            example=_ASKED,
            problems=(Problem.MODEL_NOT_FOUND,),
        ),
        *operations_on_answers(
            "/v1/messages",
            "An answer of the same key that runs, or that has ended.",
            _EVENTS,
            StoppedSchema,
            {
                "id": _ID,
                "status": "interrupted",
                "content": [text_block("2+2")],
                "usage": _USAGE,
                "credits": 1,
            },
        ),
    ),
)
