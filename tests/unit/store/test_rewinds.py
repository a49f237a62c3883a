"""Which messages make room when a conversation is rewound; the wires' tests have the other kinds of rewinds."""

import pytest
from support.database import REF, ask, rows

from app.engine.conversation import QuestionEntry, Rewind
from app.engine.messages import AnswerRecord, Message, TextPart, Usage, text_message

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
    conversation, _ = ask(conversations, REF, 30, q1="why")
    for status in statuses:
        conversations.add_answer(
            conversation,
            "a1",
            AnswerRecord(Message("assistant", (TextPart("yes"),)), status, "stop", Usage(3, 2), "m"),
            resumed=False,
        )
    entry = QuestionEntry(REF, {"q2": text_message("user", words)}, 30, rewind=Rewind("repeat"))
    opened = conversations.add_question(entry, lambda _: None)
    assert opened.question_id == left[-1]
    kept = rows(database, "SELECT id FROM messages WHERE status != 'superseded' ORDER BY sequence")
    assert [message_id for (message_id,) in kept] == left
    assert len(opened.messages) == len(left)
    assert opened.messages[-1].text == words
