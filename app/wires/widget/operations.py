"""The operations of this wire."""

from app.engine.errors import Problem
from app.web.reference.operations import ASKED_FOR_IDS, LAST_EVENT_ID, Content, Operation, Reference, Reply, ok
from app.wires.widget.replies import LINE, AnswerSchema, ErrorSchema, RatedSchema, SaidBeforeSchema, StoppedSchema
from app.wires.widget.requests import ChatRequestSchema, FeedbackSchema, HistorySchema, ReadOnSchema, StopSchema

_ANSWER = "404f8a7c2f0b4e4f9a1d1b7f7d3c5e60"
_ID = "d02db167208c4501a4f0111bee8dbff0"
_EXAMPLE = {"sessionId": "visitor-1", "message": "What is 12 * 7?"}
_VISITOR = {"x-visitor": "Who the visitor is, as signed by the site's own back end; one that is not signed is 401."}

_STREAM = Reply(
    200,
    "One JSON object a line: start, token, and at last done or error. Agents with `show_tools` also tell of tool_call "
    "and tool_result. An empty line is a keep-alive.",
    (
        Content(
            LINE,
            f'{{"type":"start","conversationId":"{_ID}"}}\n'
            '{"type":"token","token":"12"}\n{"type":"token","token":" *"}\n{"type":"token","token":" 7"}\n'
            '{"type":"token","token":" ="}\n{"type":"token","token":" 84"}\n'
            f'{{"type":"done","message":"12 * 7 = 84","conversationId":"{_ID}","messageId":"{_ANSWER}"}}\n',
            "application/x-ndjson",
        ),
    ),
)


def _streams(path: str, summary: str) -> Operation:
    return Operation(
        "post",
        path,
        summary,
        (_STREAM,),
        body=ChatRequestSchema,
        example=_EXAMPLE,
        headers={**_VISITOR, **ASKED_FOR_IDS},
        cost="answer",
        problems=(Problem.BUSY,),
    )


REFERENCE = Reference(
    about="NDJSON chat for site widgets. The same sessionId under the same key continues the same conversation. "
    "A widget key may be bound to origins; other pages' requests are then 403.",
    error=ErrorSchema,
    operations=(
        _streams("/chat", "Answer as lines"),
        _streams("/v1/chat/stream", "The same as /chat"),
        Operation(
            "get",
            "/v1/chat/stream",
            "Read on",
            (
                _STREAM,
                Reply(204, "No answer runs in the session, and none was asked for with a cursor before its end."),
            ),
            description="The session's running answer from its beginning, or with a cursor what comes behind it, also "
            "of its last answer that has ended. The lines have a `cursor` each where one was asked with, and where the "
            "request that asked has `Last-Event-ID`, which may be empty.",
            query=ReadOnSchema,
            headers={**_VISITOR, **LAST_EVENT_ID},
            problems=(Problem.NOT_FOUND, Problem.LIMITED),
        ),
        Operation(
            "delete",
            "/v1/chat/stream",
            "Stop",
            (
                ok(
                    "How the session's last answer stands. One that ran has ended, with what it had said.",
                    StoppedSchema,
                    {"messageId": _ANSWER, "status": "interrupted", "message": "12 * 7", "credits": 1},
                ),
                Reply(204, "Nothing was ever answered in the session."),
            ),
            query=StopSchema,
            headers=_VISITOR,
            problems=(Problem.NOT_FOUND,),
        ),
        Operation(
            "get",
            "/v1/chat/history",
            "Read what a visitor said",
            (
                ok(
                    "A page of the latest conversation, or of that session's: its last messages, oldest first. "
                    "`nextCursor`, where there is more, leads to the page before.",
                    SaidBeforeSchema,
                    {
                        "sessionId": "visitor-1",
                        "messages": [
                            {
                                "role": "user",
                                "message": "What is 12 * 7?",
                                "status": "complete",
                                "createdAt": 1795260060000,
                            }
                        ],
                    },
                ),
            ),
            description="Only for visitors for whom the site vouches: without `x-visitor` it is 401.",
            query=HistorySchema,
            headers=_VISITOR,
            problems=(Problem.NOT_FOUND,),
        ),
        Operation(
            "get",
            "/v1/chat/widget",
            "Ask whether this page may chat",
            (Reply(204, "The key is good, and this page is of an origin that may use it."),),
            description="For widgets that are not to be seen where they would be refused. It takes nothing from the "
            "key's limit: it is counted like a page. Pages of every origin may read the reply.",
            cost="page",
            for_any_page=True,
        ),
        Operation(
            "post",
            "/v1/chat",
            "Answer in one piece",
            (
                ok(
                    "The whole answer.",
                    AnswerSchema,
                    {"conversationId": _ID, "messageId": _ANSWER, "message": "12 * 7 = 84"},
                ),
            ),
            body=ChatRequestSchema,
            example=_EXAMPLE,
            headers=_VISITOR,
            cost="answer",
            problems=(Problem.BUSY,),
        ),
        Operation(
            "post",
            "/v1/chat/feedback",
            "Rate an answer",
            (ok("How it is rated now.", RatedSchema, {"messageId": _ANSWER, "rating": "up"}),),
            description="The last rating of an answer counts; null takes it back. An answer of another session, or of "
            "another visitor, is 404.",
            body=FeedbackSchema,
            example={"sessionId": "visitor-1", "messageId": _ANSWER, "rating": "up"},
            headers=_VISITOR,
            problems=(Problem.NOT_FOUND, Problem.MESSAGE_NOT_FOUND),
        ),
    ),
)
