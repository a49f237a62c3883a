"""What the columns hold, on databases of each kind."""

from sqlalchemy import insert, select
from support.database import ask, rows

from app.engine.conversation import Charge
from app.engine.messages import AnswerRecord, Message, TextPart, Usage
from app.store.archive import Archive
from app.store.keys import MOST_CREDITS, KeyStore
from app.store.tables import messages, things
from app.store.things import ThingStore

MOST = 2**31 - 1  # tokens that a model's server may say it has used
SAID = 'what is no text elsewhere: \\u0000 \\ " \t \N{GRINNING FACE}'


def test_tokens_credits_and_what_was_spent_go_beyond_32_bits(conversations, database) -> None:
    keys = KeyStore(database)
    key = keys.create("secret", "demo", budget=MOST_CREDITS)
    account = keys.find(key.encode()).id
    record = AnswerRecord(
        Message("assistant", (TextPart("x"),)), "complete", "stop", Usage(MOST, MOST), "m", credits=MOST
    )
    for number in range(2):
        conversation, _ = ask(conversations, answer=f"a{number}", **{f"q{number}": "x"})
        conversations.add_answer(conversation, f"a{number}", record, Charge(account, 0))
    database.write(lambda c: c.exec_driver_sql("UPDATE messages SET status = 'running' WHERE id = 'a1'"))
    conversations.add_answer(conversation, "a1", record, Charge(account, 0))
    assert rows(database, "SELECT prompt_tokens, completion_tokens, credits FROM messages WHERE id = 'a1'") == [
        (2 * MOST, 2 * MOST, 2 * MOST)
    ]
    assert [key.spent for key in keys.all()] == [3 * MOST]


def test_things_are_counted_beyond_32_bits(database, ada) -> None:
    store = ThingStore(database)
    database.write(lambda c: c.execute(insert(things).values(id=2**40, user_id=ada, name="n", content="c").inline()))
    assert [each.id for each in store.all(ada)] == [2**40]
    store.remove(ada, 2**40)
    assert store.all(ada) == []


def test_every_text_comes_back_as_it_was(conversations, database) -> None:
    """Halves of pairs may stand in JSON that an earlier version has stored."""
    ask(conversations, q=SAID)
    half = [{"type": "text", "text": "\ud83d"}]
    database.write(
        lambda c: c.execute(
            insert(messages).from_select(
                ["id", "conversation_id", "sequence", "role", "parts", "status", "created_at"],
                select(
                    *(messages.c.id + "2", messages.c.conversation_id, messages.c.sequence + 1, messages.c.role),
                    *(messages.c.parts, messages.c.status, messages.c.created_at),
                ),
            )
        )
    )
    database.write(lambda c: c.execute(messages.update().where(messages.c.id == "q2").values(parts=half)))
    (whole,) = Archive(database).export("demo", None)
    assert [each.message.text for each in whole.messages] == [SAID, "\ud83d"]
