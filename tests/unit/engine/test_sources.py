"""Which passages are told as the sources of an answer: those that are sure, and those that it has used."""

from time import process_time

import pytest
from support.fakes import World, finished, play

from app.engine.agent import Agent
from app.engine.events import RoundFinished, SourceFound, TextDelta, TextEnded, ToolReturned
from app.engine.messages import SourcePart, text_message
from app.engine.prompt import Passage
from app.engine.sources import MOST_SOURCES, Sources

NORWAY = Passage(
    "Shipping", "Norway", "We ship to Norway. A parcel takes nine working days by boat.", "https://a.example"
)
FEES = Passage("Fees", "Customs", "Customs may ask for a fee of eight euros.")
GERMAN = Passage("Versand", "Norwegen", "Ein Paket nach Norwegen braucht neun Werktage mit dem Schiff.")
ARABIC = Passage("الشحن", "النرويج", "يستغرق الشحن إلى النرويج تسعة أيام عمل بالقارب.")
JAPANESE = Passage("配送", "ノルウェー", "ノルウェーへの小包は船便で九営業日かかります。")


@pytest.mark.parametrize(
    ("passage", "question", "answer", "used"),
    [
        (NORWAY, "Do you deliver to Norway?", "Yes! A parcel takes nine working days.", True),
        (NORWAY, "How long?", "Nine days by boat", True),
        (NORWAY, "Do you deliver to Norway?", "I do not know whether we deliver to Norway, sorry.", False),
        (NORWAY, "Do you ship tea?", "I have no information about tea. Please write to us.", False),
        (NORWAY, "Hello", "Hello! How can I help you?", False),
        (NORWAY, "A parcel takes nine working days by boat?", "Yes.", False),
        (NORWAY, "Tell me a story", "Once upon a time a boat " + "sailed far away over seven wild seas " * 3, False),
        (FEES, "Do you deliver to Norway?", "Yes! A parcel takes nine working days.", False),
        (GERMAN, "Liefert ihr nach Norwegen?", "Ja, ein Paket braucht neun Werktage.", True),
        (GERMAN, "Liefert ihr nach Norwegen?", "Das weiß ich leider nicht.", False),
        (ARABIC, "هل توصلون إلى النرويج؟", "نعم، يستغرق الشحن تسعة أيام عمل.", True),
        (ARABIC, "هل توصلون إلى النرويج؟", "آسف، لا أعرف ذلك.", False),
        (JAPANESE, "ノルウェーに送れますか", "はい、船便で九営業日かかります。", True),
        (JAPANESE, "ノルウェーに送れますか", "申し訳ありませんが、わかりません。", False),
    ],
)
def test_a_passage_is_used_where_the_answer_has_words_from_it_that_the_question_has_not(
    passage, question, answer, used
) -> None:
    sources = Sources()
    assert sources.given([passage]) == []
    found = [SourceFound(passage.source, passage.title, passage.url)] if used else []
    assert sources.used(question, answer) == found


def test_what_is_sure_is_told_at_once_best_first_and_not_all_of_it() -> None:
    sure = [Passage(f"Page {number}", "", f"{number}", confident=True) for number in range(9)]
    sources = Sources()
    found = sources.given([NORWAY, *sure])
    assert found == [SourceFound(f"Page {number}", "") for number in range(MOST_SOURCES)]
    assert sources.used("How long?", "Nine days by boat") == [SourceFound("Shipping", "Norway", "https://a.example")]


@pytest.mark.parametrize(
    "returned",
    [
        ToolReturned("1", "knowledge", "not found", is_error=True),
        ToolReturned("1", "knowledge", "a text"),
        ToolReturned("1", "knowledge", {}),
        ToolReturned("1", "calculator", {"passages": [{"confident": True}]}),
    ],
)
def test_other_results_have_no_sources(returned) -> None:
    assert Sources().returned([returned]) == []


def test_a_source_that_the_answer_has_used_is_told_and_stored_at_its_end() -> None:
    """`support.fakes` finds one passage for every question, which is not sure: "demo was asked: …"."""
    agent = Agent("demo", "Demo", ("fake",), knowledge=("*.md",))
    for answer, used in (("The demo was asked twice.", True), ("I do not know.", False)):
        world = World([[TextDelta(answer), finished()]])
        events = play(world.turn(text_message("user", "When?"), agent=agent))
        kinds = [type(event) for event in events if isinstance(event, TextEnded | SourceFound | RoundFinished)]
        assert kinds == [TextEnded, *([SourceFound] if used else []), RoundFinished]
        assert (world.answer().message.parts[-1] == SourcePart("facts.md", "Facts")) is used


@pytest.mark.parametrize("text", ["word " * 200_000, "語" * 1_000_000, "x" * 1_000_000, "لا نعم " * 200_000])
def test_no_answer_takes_long(text) -> None:
    sources = Sources()
    sources.given([NORWAY, GERMAN, ARABIC])
    begun = process_time()
    sources.used(text, text)
    assert process_time() - begun < 0.1
