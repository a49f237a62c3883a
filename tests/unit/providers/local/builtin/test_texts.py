"""The built-in model's words: whole in each language, and its owner's to change."""

import re
import tomllib
from pathlib import Path

import pytest

from app.engine.agent import Agent
from app.providers.local.builtin import texts
from app.providers.local.builtin.texts import LANGUAGES, NAMES, day_of, is_own, language_of, listed, text_of

PLAIN = Agent("demo", "Demo", ("builtin",))


def owned(language: str = "en", **given) -> Agent:
    return Agent("demo", "Demo", ("builtin",), language=language, texts=given)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_all_texts_with_the_same_places(language) -> None:
    file = Path(texts.__file__).with_name("texts.toml")
    said = tomllib.loads(file.read_text("utf-8"))
    assert said[language].keys() == said["en"].keys()
    for name in NAMES:
        places = re.findall(r"{\w+}", said[language][name])
        assert set(places) == set(re.findall(r"{\w+}", said["en"][name])) - ({"{reason}"} - set(places)), name
    assert len(set(said[language]["weekdays"])) == 7
    if language != "en":
        assert not [name for name in NAMES if said[language][name] == said["en"][name]]


@pytest.mark.parametrize(
    ("language", "iso", "written"),
    [
        ("en", "2026-11-29", ("Sunday", "2026-11-29")),
        ("de", "2026-11-30", ("Montag", "30.11.2026")),
        ("ar", "2026-11-29", ("الأحد", "29/11/2026")),
        ("ja", "2026-01-03", ("土曜日", "2026/01/03")),
        ("sv", "2026-11-29", ("Sunday", "2026-11-29")),
    ],
)
def test_days_are_written_as_the_language_does(language, iso, written) -> None:
    assert day_of(PLAIN, language, iso) == written


def test_what_can_be_done_is_listed_as_the_language_does() -> None:
    assert [listed(PLAIN, language, ["a", "b"]) for language in ("de", "ar", "zh")] == ["a, b", "a، وb", "a、b"]


@pytest.mark.parametrize(
    ("own", "questions", "language"),
    [
        ("en", ["Wann habt ihr geöffnet?"], "de"),
        ("en", ["¿Cuánto cuesta el envío?"], "es"),
        ("de", ["كم سعر الشاي؟"], "ar"),
        ("de", ["2+2"], "de"),
        ("tr", ["PayPal?"], "tr"),
        ("en", ["PayPal?", "Wie kann ich bezahlen?", "When do you open?"], "de"),
        ("de", ["Hur länge tar leveransen?"], "de"),
        ("sv", ["Hur länge tar leveransen?"], "sv"),
        ("de-AT", [], "de"),
        ("xx", ["?"], "xx"),
        ("en", ["ja"], "en"),
        ("en", ["Ja!", "Wann habt ihr geöffnet?"], "de"),
        ("en", ["да"], "ru"),
    ],
)
def test_it_answers_in_the_language_of_the_latest_question_that_shows_one(own, questions, language) -> None:
    assert language_of(owned(own), questions) == language


def test_an_owners_language_is_one_that_the_agent_speaks() -> None:
    swedish = owned("de", sv={"unknown": "Det vet jag inte."})
    assert language_of(swedish, ["Hur länge tar leveransen?"]) == "sv"
    assert text_of(swedish, "sv", "unknown") == "Det vet jag inte."
    assert text_of(swedish, "sv", "source", source="X") == "Quelle: X", "what it lacks is said in the agent's own"
    assert text_of(owned("xx"), "xx", "thanks") == "You are welcome!"


def test_an_owners_text_for_the_language_comes_before_that_for_all_and_both_before_the_shipped_one() -> None:
    agent = owned("en", **{"": {"unknown": "Call 1", "thanks": "{name}: ta {else} {"}, "de": {"unknown": "Ruf 1 an"}})
    assert [text_of(agent, language, "unknown") for language in ("de", "en", "ar")] == ["Ruf 1 an", "Call 1", "Call 1"]
    assert text_of(agent, "de", "thanks", name="{zone}", zone="x") == "{zone}: ta {else} {", "filled in once"
    assert [is_own(agent, *each) for each in (("de", "unknown"), ("fr", "unknown"), ("de", "source"))] == [
        *(True, True, False)
    ]


def test_the_documentation_lists_every_text_as_it_is_said_in_english() -> None:
    page = (Path(__file__).parents[5] / "docs" / "models.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (.+) \|$", page.partition("### What it says")[2], re.MULTILINE)
    assert dict(rows) == {name: text_of(PLAIN, "en", name) for name in NAMES}
