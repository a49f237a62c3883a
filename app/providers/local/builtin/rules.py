"""What the built-in model answers: rules, the first of which counts, and what it makes of the results of tools."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.engine.events import ToolCalled
from app.engine.messages import Mark, ToolCallPart, ToolResultPart, last_question
from app.engine.prompt import Prompt
from app.language.handover import asks_for_a_person
from app.language.phrases import folded
from app.providers.local.arithmetic import find_expression
from app.providers.local.builtin.small_talk import languages_of, opening
from app.providers.local.builtin.texts import JOKES, day_of, is_own, language_of, listed, text_of

_MOST_CHARACTERS = 1000  # of a question that its rules look at
_MOST_QUESTIONS = 5  # that are looked at for their language
_MOST_REST = 12  # letters behind a greeting, such as a name, that are no question
_SAY = re.compile(r"\s*(?:say|tell) ?[^:\n]{0,60}:", re.IGNORECASE)
_SKILLS = ("knowledge", "calculator", "clock", "stuff")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, and what its operator is to know of it."""

    text: str
    mark: Mark | None = None


class _Speaker:
    """Answers one prompt, in one language."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt, self.agent = prompt, prompt.agent
        self.question = last_question(prompt.messages)[:_MOST_CHARACTERS]
        questions = [message.text for message in reversed(prompt.messages) if message.role == "user"]
        self.language = language_of(self.agent, questions[:_MOST_QUESTIONS])

    def say(self, name: str, languages: Sequence[str] = (), *, mark: Mark | None = None, **values: str) -> Said:
        """The text of this name, in the question's language, or one of these if they are given."""
        if languages and self.language not in languages:
            self.language = languages[0]
        return Said(text_of(self.agent, self.language, name, name=self.agent.name, **values), mark)

    def call(self, name: str, args: Mapping[str, Any]) -> ToolCalled | None:
        """A call of the tool, None where the agent does not have it."""
        return ToolCalled("call_1", name, args) if name in self.agent.tools else None

    def search(self) -> Said | ToolCalled:
        """Look the question up, where that has not been done."""
        passages = [asdict(passage) for passage in self.prompt.passages]
        return self.call("knowledge", {"query": self.question}) or self.tell_passage(passages)

    def answer(self) -> Said | ToolCalled:
        expression = find_expression(self.question)
        if expression:
            return self.call("calculator", {"expression": expression}) or self.say("no_calculator", mark="unanswered")
        if asks_for_a_person(self.question):
            own = is_own(self.agent, self.language, "handover")
            return self.say("handover", mark="handover") if own else self.search()
        for kind, rule in _RULES:
            languages = languages_of(kind, self.question)
            if languages:
                return rule(self, languages)
        return self.small_talk(briefly=True) or self.search()

    def small_talk(self, *, briefly: bool) -> Said | None:
        """A greeting or thanks in return; with `briefly` only where nothing follows that might be a question."""
        kind, languages, rest = opening(self.question)
        rest = " ".join(re.findall(r"\w+", rest.replace(folded(self.agent.name), " ")))
        if not kind or len(rest) > (0 if briefly else _MOST_REST):
            return None
        return self.say(kind, languages)

    def introduce(self, languages: Sequence[str]) -> Said:
        self.say("introduction", languages)
        can = [f"skill_{tool}" for tool in _SKILLS if tool in self.agent.tools]
        skills = listed(self.agent, self.language, [self.say(name).text for name in (*can, "skill_joke")])
        return self.say("introduction", skills=skills)

    def joke(self, languages: Sequence[str]) -> Said:
        told = self.say("joke", languages)
        if self.language == "en" and not is_own(self.agent, "en", "joke"):
            return Said(random.Random(self.prompt.options.seed).choice(JOKES))  # noqa: S311 - a joke is no secret
        return told

    def time(self, languages: Sequence[str]) -> Said | ToolCalled:
        return self.call("clock", {}) or self.say("no_clock", languages, mark="unanswered")

    def mine(self, _languages: Sequence[str]) -> Said | ToolCalled:
        return self.call("stuff", {"query": self.question[:200]}) or self.search()

    def tell_value(self, args: Mapping[str, Any], result: ToolResultPart) -> Said:
        if result.is_error:
            return self.say("calculation_failed", reason=str(result.result))
        return Said(f"{args['expression']} = {result.result}")

    def tell_time(self, _args: Mapping[str, Any], result: ToolResultPart) -> Said:
        languages = languages_of("time", self.question)
        if result.is_error:
            return self.say("clock_failed", languages, mark="unanswered")
        self.say("time", languages)
        weekday, date = day_of(self.agent, self.language, result.result["date"])
        now = {"time": result.result["time"], "zone": result.result["zone"]}
        return self.say("time", weekday=weekday, date=date, **now)

    def tell_things(self, _args: Mapping[str, Any], result: ToolResultPart) -> Said | ToolCalled:
        """The user's things that were found; without any, "my" may have been about what everybody may know."""
        things = [] if result.is_error else result.result["things"]
        if things:
            return Said(" ".join(f"{thing['name']}: {thing['content']}" for thing in things))
        call = self.call("knowledge", {"query": self.question[:200]})
        if result.is_error:
            return call or self.say("notes_failed", mark="unanswered", reason=str(result.result))
        return call or self.say("nothing_noted", mark="unanswered")

    def tell_passages(self, _args: Mapping[str, Any], result: ToolResultPart) -> Said:
        return self.tell_passage([] if result.is_error else result.result["passages"])

    def tell_passage(self, passages: Sequence[Mapping[str, Any]]) -> Said:
        """The first passage that answers by itself, as it stands, with its source where callers are not shown it."""
        best = next((passage for passage in passages if passage["confident"]), None)
        found = self._with_source(best) if best else ""
        if asks_for_a_person(self.question):
            handover = self.say("handover", mark="handover")
            return Said(f"{handover.text}\n\n{found}", "handover") if found else handover
        if found:
            return Said(found)
        return self.small_talk(briefly=False) or self.say("unknown", mark="unanswered")

    def _with_source(self, passage: Mapping[str, Any]) -> str:
        if self.prompt.shows_sources:
            return str(passage["text"])
        return f"{passage['text']}\n\n{self.say('source', source=_named(passage)).text}"


def answer(prompt: Prompt) -> Said | ToolCalled:
    """What to say, or the tool to call first."""
    speaker = _Speaker(prompt)
    last = _last_result(prompt)
    if last:
        call, result = last
        return _FROM_RESULT[result.name](speaker, call.args, result)
    to_say = _to_say(prompt.order, last_question(prompt.messages))
    return Said(to_say) if to_say else speaker.answer()


def _named(passage: Mapping[str, Any]) -> str:
    """The source for people: as a link where it has an address, else with the headings."""
    if passage["url"].lower().startswith(("https://", "http://")):
        title = re.sub(r"([\[\]\\])", r"\\\1", " ".join(passage["source"].split()))
        url = re.sub(r"[\s()<>\\]", lambda each: f"%{ord(each[0]):02X}", passage["url"])
        return f"[{title}]({url})"
    return ", ".join(dict.fromkeys((passage["source"], passage["title"])))


def _to_say(order: str, question: str) -> str:
    """What stands behind the colon of an order such as "Tell the customer: …", "" without one. The order is the
    workflow's own, not what it has filled in."""
    match = _SAY.match(order)
    return question[match.end() :].strip() if match else ""


def _last_result(prompt: Prompt) -> tuple[ToolCallPart, ToolResultPart] | None:
    """The last call of the answer and its result, None in the first round. Results that a caller brought would have
    their words repeated: they do not count, nor do those of tools that run in a page."""
    last = prompt.messages[-1]
    results = [part for part in last.parts if isinstance(part, ToolResultPart)]
    if not results or last.role != "assistant" or prompt.brought:
        return None
    calls = {part.call_id: part for part in last.parts if isinstance(part, ToolCallPart)}
    known = results[-1].name in _FROM_RESULT and results[-1].name in prompt.agent.tools
    return (calls[results[-1].call_id], results[-1]) if known else None


# What a question asks for in the words of small talk, and what answers it; the first that matches counts.
_RULES: Sequence[tuple[str, Callable[[_Speaker, Sequence[str]], Said | ToolCalled]]] = (
    ("introduction", _Speaker.introduce),
    ("time", _Speaker.time),
    ("joke", _Speaker.joke),
    ("mine", _Speaker.mine),
)
_FROM_RESULT: Mapping[str, Callable[[_Speaker, Mapping[str, Any], ToolResultPart], Said | ToolCalled]] = {
    "calculator": _Speaker.tell_value,
    "clock": _Speaker.tell_time,
    "knowledge": _Speaker.tell_passages,
    "stuff": _Speaker.tell_things,
}
