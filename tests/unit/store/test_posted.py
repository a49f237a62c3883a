"""What callers post of a conversation with each question is kept once."""

import os
import uuid

import pytest
from support.database import rows

from app.engine.conversation import ConversationRef, QuestionEntry
from app.engine.messages import AnswerRecord, Message, TextPart, Usage, text_message
from app.store.archive import Archive, ExportedConversation
from app.store.posted import LOOKED_AT

REF = ConversationRef("demo", "workers", "key:1")


def talk(*texts: str) -> list[Message]:
    """Alternately the user's and the assistant's."""
    return [text_message("assistant" if place % 2 else "user", text) for place, text in enumerate(texts)]


def ask(conversations, said: list[Message], answer: str, ref: ConversationRef = REF) -> str:
    """The id of the conversation that was made of all that was said, the question last."""
    *posted, question = said
    ids: list[str] = []
    entry = QuestionEntry(ref, {uuid.uuid4().hex: question}, 0, uuid.uuid4().hex, posted=posted)
    stored = conversations.add_question(entry, ids.append)
    assert stored.messages == [question]
    record = AnswerRecord(Message("assistant", (TextPart(answer),)), "complete", "stop", Usage(), "m")
    conversations.add_answer(ids[0], stored.answer_id, record)
    return ids[0]


def exported(database) -> dict[str, ExportedConversation]:
    return {each.conversation.id: each for each in Archive(database).export("demo", None)}


def made_of(conversations, database, said: list[Message], answer: str, ref: ConversationRef = REF):
    conversation = ask(conversations, said, answer, ref)
    return exported(database)[conversation]


def kept(database) -> int:
    """Bytes of what was posted, and of what was said."""
    sizes = [("posted", "conversations"), ("CAST(parts AS text)", "messages")]
    return sum(rows(database, f"SELECT coalesce(sum(length({each})), 0) FROM {table}")[0][0] for each, table in sizes)


def test_a_talk_that_is_posted_whole_each_time_takes_what_is_new_of_it(conversations, database) -> None:
    said: list[Message] = []
    sizes = []
    for number in range(30):
        said += talk(os.urandom(500).hex())
        conversation = ask(conversations, said, f"answer {number:02}")
        said += [text_message("assistant", f"answer {number:02}")]
        sizes.append(kept(database))
    assert sizes[29] - sizes[28] == sizes[1] - sizes[0], "it grows with the talk, not with its square"
    whole, chain = exported(database), []
    while conversation:
        chain.append(whole[conversation])
        conversation = whole[conversation].follows
    assert [message for each in reversed(chain) for message in (m.message for m in each.messages)] == said
    assert {each.conversation.title for each in chain} == {chain[0].conversation.title}, "that of the first question"
    assert not any(each.posted for each in chain)


STRANGE = {
    "another answer": talk("hi", "HELLO", "how?"),
    "another question": talk("Hi", "hello", "how?"),
    "a further exchange": talk("hi", "hello", "and", "so", "how?"),
    "no answer": [text_message("user", "hi"), text_message("user", "how?")],
    "a system message before it": [text_message("system", "Be brief."), *talk("hi", "hello", "how?")],
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_no_conversation_holds_is_kept_compressed_and_exported_as_it_was(conversations, database, name) -> None:
    ask(conversations, talk("hi"), "hello")
    made = made_of(conversations, database, STRANGE[name], "well")
    assert (made.posted, made.follows) == (STRANGE[name][:-1], None)
    assert [each.message for each in made.messages] == [STRANGE[name][-1], text_message("assistant", "well")]


@pytest.mark.parametrize(
    "ref",
    [
        ConversationRef("demo", "workers", "key:2"),
        ConversationRef("demo", "other", "key:1"),
    ],
    ids=["owner", "wire"],
)
def test_nothing_follows_what_belongs_to_another(conversations, database, ref) -> None:
    ask(conversations, talk("hi"), "hello")
    made = made_of(conversations, database, talk("hi", "hello", "how?"), "well", ref)
    assert (len(made.posted), made.follows) == (2, None)


def test_of_many_that_began_alike_the_one_with_this_answer_is_followed(conversations, database) -> None:
    first = [ask(conversations, talk("hi"), f"hello {number}") for number in range(LOOKED_AT)]
    made = made_of(conversations, database, talk("hi", "hello 0", "how?"), "well")
    assert made.follows == first[0]
    ask(conversations, talk("hi"), "one more")
    late = made_of(conversations, database, talk("hi", "hello 0", "how?"), "well")
    assert (late.follows, len(late.posted)) == (None, 2), "only so many are looked at: it is kept, all the same"


def test_a_long_history_takes_a_fraction_of_its_bytes(conversations, database) -> None:
    prose = " ".join(f"The price of item {number} is {number * 7} euros." for number in range(5000))
    before = kept(database)
    ask(conversations, talk(prose, "ok", "how?"), "well")
    assert kept(database) - before < len(prose) / 3


def test_where_nothing_is_to_be_kept_nothing_is(conversations, database) -> None:
    entry = QuestionEntry(ConversationRef("demo", "workers", "anonymous"), {"q": text_message("user", "hi")}, 0, "a")
    conversations.add_question(entry, lambda _: None)
    assert rows(database, "SELECT posted, digest, follows FROM conversations") == [(None, None, None)]
