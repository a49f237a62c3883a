"""The operations of this wire."""

from app.web.reference.operations import ASKED_FOR_IDS, Content, Operation, Reference, Reply
from app.web.requests.asked_answer import operations_on_answers
from app.wires.workers.replies import EVENT, AnswerSchema, ErrorSchema, StoppedSchema
from app.wires.workers.requests import ChatRequestSchema

_CALL = {"name": "calculator", "arguments": {"expression": "2+2"}}
_USAGE = {"prompt_tokens": 28, "completion_tokens": 3, "total_tokens": 31}
_ID = "404f8a7c2f0b4e4f9a1d1b7f7d3c5e60"
_EVENTS = Content(
    EVENT,
    'data: {"response":"","tool_calls":[{"name":"calculator",'
    '"arguments":{"expression":"2+2"}}]}\n\n'
    'data: {"response":"2+2"}\n\ndata: {"response":" ="}\n\ndata: {"response":" 4"}\n\n'
    'data: {"response":"","usage":{"prompt_tokens":28,"completion_tokens":3,"total_tokens":31},'
    '"finish_reason":"stop"}'
    "\n\ndata: [DONE]\n\n",
    "text/event-stream",
    last="[DONE]",
)

REFERENCE = Reference(
    about="The text stream of Cloudflare Workers AI. The caller sends the whole conversation each time. A secret key "
    "reaches the key's agent; without a credential the public agent answers, where there is one.",
    error=ErrorSchema,
    operations=(
        Operation(
            "post",
            "/api/chat",
            "Answer a conversation",
            (
                Reply(
                    200,
                    'Server-sent events: one token each, then the usage, then `[DONE]`; or with `"stream": false` one '
                    "object. A comment, `: keep-alive`, fills a silence.",
                    (
                        _EVENTS,
                        Content(
                            AnswerSchema,
                            {"response": "2+2 = 4", "usage": _USAGE, "tool_calls": [_CALL], "finish_reason": "stop"},
                        ),
                    ),
                ),
            ),
            description="Exactly one of messages, prompt and message is needed; the last two are short for one message "
            "of the user. System messages are accepted where the agent has `allow_system`; tool calls are told where "
            "it has `show_tools`. Calls and results of tools that are posted are what the model has called and found.",
            body=ChatRequestSchema,
            example={"messages": [{"role": "user", "content": "What is 2+2?"}]},
            headers=ASKED_FOR_IDS,
            cost="answer",
        ),
        *operations_on_answers(
            "/api/chat",
            "An answer that runs, or that has ended. Its id cannot be guessed: whoever knows it may read "
            "it, unless it was asked for with a key, which is needed then.",
            _EVENTS,
            StoppedSchema,
            {"id": _ID, "status": "interrupted", "response": "2+2", "usage": _USAGE, "credits": 0},
        ),
    ),
)
