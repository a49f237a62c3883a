"""Which messages make room when a conversation is rewound; the wires' tests have the other kinds of rewinds."""

import pytest
from support.database import REF, ask, rows

from app.engine.conversation import QuestionEntry, Rewind
from app.engine.errors import ChatError, Problem
from app.engine.messages import AnswerRecord, Message, TextPart, ToolCallPart, ToolResultPart, Usage, text_message

REPEATS = {  # the statuses of the answers there were, the text sent, and the ids of what the model sees
    "no answer, as a server killed in the middle leaves it": ([], "why", ["q1"]),
    "an answer that broke off": (["interrupted"], "why", ["q1"]),
    "an answer that failed": (["failed"], "why", ["q1"]),
    "another question": (["failed"], "how", ["q1", "a1", "q2"]),
    "a whole answer": (["complete"], "why", ["q1", "a1", "q2"]),
}


@pytest.mark.parametrize("name", REPEATS)
def test_a_question_without_a_whole_answer_is_taken_up_again_when_it_is_repeated(conversations, database, name) -> None:
    statuses, words, left = REPEATS[name]
    conversation, _ = ask(conversations, REF, 30, q1="why", answer="a1" if statuses else "")
    for status in statuses:
        said = Message("assistant", (TextPart("yes"),))
        conversations.add_answer(conversation, "a1", AnswerRecord(said, status, "stop", Usage(3, 2), "m"))
    entry = QuestionEntry(REF, {"q2": text_message("user", words)}, 30, "a2", rewind=Rewind("repeat"))
    opened = conversations.add_question(entry, lambda _: None)
    assert opened.question_id == left[-1]
    kept = rows(database, "SELECT id FROM messages WHERE status NOT IN ('superseded', 'running') ORDER BY sequence")
    assert [message_id for (message_id,) in kept] == left
    assert len(opened.messages) == len(left)
    assert opened.messages[-1].text == words


def call(call_id: str, name: str) -> ToolCallPart:
    return ToolCallPart(call_id, name, {})


def result(call_id: str, name: str, value: str) -> ToolResultPart:
    return ToolResultPart(call_id, name, value, is_error=False)


PAGE, SERVER = call("c", "confirm"), call("s", "calculator")
OLD, OWN = result("c", "confirm", "old"), result("s", "calculator", "own")
NEW = {call_id: result(call_id, "any name", "new") for call_id in ("c", "s", "unknown")}
TAKEN, SO = result("c", "confirm", "new"), TextPart("So")

RESUMED = {  # what is stored, status, finish reason, the results that are posted -> what goes on; None: it is refused
    "waiting": ((PAGE,), "complete", "tool-calls", "c", (PAGE, TAKEN)),
    "waiting, all posted": ((PAGE,), "complete", "tool-calls", "c s unknown", (PAGE, TAKEN)),
    "waiting, others posted": ((PAGE,), "complete", "tool-calls", "s unknown", None),
    "waiting, beside the server's": ((SERVER, PAGE, OWN), "complete", "tool-calls", "c s", (SERVER, PAGE, OWN, TAKEN)),
    "waiting, the server's posted": ((SERVER, PAGE, OWN), "complete", "tool-calls", "s", None),
    "the server's alone": ((SERVER,), "complete", "tool-calls", "s", None),
    "ended otherwise": ((PAGE,), "complete", "stop", "c", None),
    "interrupted": ((PAGE,), "interrupted", "tool-calls", "c", None),
    "interrupted in the server's": ((PAGE, SERVER), "interrupted", "tool-calls", "c s", None),
    "failed": ((PAGE,), "failed", "error", "c", None),
    "again": ((PAGE, OLD), "complete", "tool-calls", "c", (PAGE, OLD)),
    "again, failed": ((PAGE, OLD, SO), "failed", "error", "c", (PAGE, OLD)),
    "again, complete": ((PAGE, OLD, SO), "complete", "stop", "c", (PAGE, OLD)),
    "again, interrupted in the server's": ((PAGE, OLD, SERVER), "interrupted", "other", "c s", (PAGE, OLD)),
    "again, with the server's": ((PAGE, OLD, SERVER, OWN, SO), "failed", "error", "c s", (PAGE, OLD, SERVER, OWN)),
    "again, the server's alone": ((PAGE, OLD, SERVER, OWN, SO), "failed", "error", "s", None),
    "again, while the next one waits": ((PAGE, OLD, call("d", "confirm")), "complete", "tool-calls", "c", (PAGE, OLD)),
    "again, cut in a round": ((PAGE, OLD, call("x", "slow"), SERVER, OWN), "failed", "error", "c s",
                              (PAGE, OLD, SERVER, OWN)),
    "nothing was called": ((SO,), "complete", "stop", "c s unknown", None),
}  # fmt: skip


@pytest.mark.parametrize("name", RESUMED)
def test_an_answer_goes_on_with_results_of_client_tools_alone(conversations, database, name) -> None:
    said, status, reason, posted, left = RESUMED[name]
    conversation, _ = ask(conversations, REF, 30, q1="why", answer="a1")
    record = AnswerRecord(Message("assistant", said), status, reason, Usage(), "m")
    conversations.add_answer(conversation, "a1", record)
    before = rows(database, "SELECT * FROM messages")
    results = {call_id: NEW[call_id] for call_id in posted.split()}
    entry = QuestionEntry(REF, {}, 30, "a2", rewind=Rewind("resume", ("msg_a1",), results, frozenset({"confirm"})))
    if left is None:
        with pytest.raises(ChatError) as refused:
            conversations.add_question(entry, lambda _: None)
        assert refused.value.problem is Problem.INVALID
        assert rows(database, "SELECT * FROM messages") == before
    else:
        stored = conversations.add_question(entry, lambda _: None)
        assert (stored.answer_id, stored.resumed) == ("a1", Message("assistant", left))
