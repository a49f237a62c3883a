"""What the built-in model says, in the visitor's language or its owner's words."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import filterfalse
from pathlib import Path
from typing import Any

from app.engine.agent import Agent
from app.language.recognition import primary, recognised

_SHIPPED: Mapping[str, Mapping[str, Any]] = tomllib.loads(Path(__file__).with_name("texts.toml").read_text("utf-8"))
_OF_LANGUAGES = ("comma", "date", "weekdays")  # beside the texts
LANGUAGES: Sequence[str] = tuple(_SHIPPED)
NAMES: Sequence[str] = tuple(name for name in _SHIPPED["en"] if name not in _OF_LANGUAGES)
"""Of the texts, which owners may change for an agent (`[agents.NAME.texts]`)."""

JOKES = (
    "Why did the stream cross the network? To get to the other buffer.",
    "I would tell you a joke about UDP, but you might not get it.",
    _SHIPPED["en"]["joke"],
    "A packet walks into a bar. The bartender says: I am sorry, we only serve whole messages here.",
)
_PLACE = re.compile(r"\{(\w+)\}")


def language_of(agent: Agent, questions: Iterable[str]) -> str:
    """The language to answer in: of the latest question in which one is recognised that the agent speaks, else its own.
    `questions` are the latest first."""
    own = primary(agent.language)
    spoken = {*LANGUAGES, *agent.texts, own} - {""}
    for question in filterfalse(_is_too_short, questions):
        language = recognised(question) or recognised(question, spoken)
        if language in spoken:
            return language
    return own


def _is_too_short(question: str) -> bool:
    """To be of one language plainly: "ja" is Polish, too. Other scripts say more by a letter."""
    return re.fullmatch(r"[\W\d_]*[a-z\u00c0-\u024f]{1,3}[\W\d_]*", question.lower()) is not None


def text_of(agent: Agent, language: str, name: str, /, **values: str) -> str:
    """The text of this name: the owner's, for the language or for all, else the one that is shipped for the language,
    or for the agent's own, or in English."""
    for texts in (agent.texts.get(language), agent.texts.get(""), *_shipped(agent, language)):
        if texts and name in texts:
            return _PLACE.sub(lambda place: values.get(place[1], place[0]), texts[name])
    raise KeyError(name)


def is_own(agent: Agent, language: str, name: str) -> bool:
    """Whether the owner has given this text."""
    return name in agent.texts.get(language, {}) or name in agent.texts.get("", {})


def listed(agent: Agent, language: str, pieces: Iterable[str]) -> str:
    return str(_best(agent, language)["comma"]).join(pieces)


def day_of(agent: Agent, language: str, iso_date: str) -> tuple[str, str]:
    """The weekday and the date, as the language writes them."""
    day, known = date.fromisoformat(iso_date), _best(agent, language)
    return known["weekdays"][day.weekday()], day.strftime(known["date"])


def _best(agent: Agent, language: str) -> Mapping[str, Any]:
    return next(iter(_shipped(agent, language)))


def _shipped(agent: Agent, language: str) -> Sequence[Mapping[str, Any]]:
    return [_SHIPPED[each] for each in (language, primary(agent.language), "en") if each in _SHIPPED]
