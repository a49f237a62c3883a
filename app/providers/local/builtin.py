"""The built-in model, which follows rules and says so: it greets, calculates, tells the time and a joke, answers from
its user's things and the agent's knowledge, and says what an operator's workflow tells it to say. It needs no account
and no network, and calls tools like any other model. It repeats nothing that a caller makes up."""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from marshmallow import Schema, fields, validate

from app.engine.agent import Agent
from app.engine.chunks import Chunk, ModelFinished
from app.engine.events import TextDelta, ToolCalled
from app.engine.messages import FinishReason, ToolCallPart, ToolResultPart, Usage, last_question
from app.engine.ports import Stream
from app.engine.prompt import Prompt
from app.providers.local.arithmetic import find_expression
from app.providers.local.player import Cue, Pause, Player, Say

_MOST_WORDS = 1000  # of an answer
_MOST_CHARACTERS = 1000  # of a question that its rules look at

_DO_NOT_KNOW = "I know nothing about that, and I would rather say so than guess."
JOKES = (
    "Why did the stream cross the network? To get to the other buffer.",
    "I would tell you a joke about UDP, but you might not get it.",
    "There are 10 kinds of people: those who read binary and those who do not.",
    "A packet walks into a bar. The bartender says: I am sorry, we only serve whole messages here.",
)

_GREETING = re.compile(
    r"\W*(?:hi|hello|hey|hallo|hola|bonjour|good (?:morning|afternoon|evening|day))\b", re.IGNORECASE
)
_THANKS = re.compile(r"\W*(?:thanks|thank you|thx|cheers)\b", re.IGNORECASE)
_HELP = re.compile(
    r"\b(?:what can you do|who are you|what are you|are you (?:an? )?(?:ai|bot|human|robot))\b|^\W*help\W*$",
    re.IGNORECASE,
)
_JOKE = re.compile(r"\bjokes?\b", re.IGNORECASE)
_SAY = re.compile(r"\s*(?:say|tell) ?[^:\n]{0,60}:", re.IGNORECASE)
_MINE = re.compile(r"\bmy\b", re.IGNORECASE)
_TIME = re.compile(
    r"\bwhat(?:'s| is)? (?:the )?(?:current )?(?:time|date|day)\b|\bwhat (?:day|time) is it\b", re.IGNORECASE
)


class BuiltinOptions(Schema):
    pace = fields.Float(
        load_default=0.02,
        validate=validate.Range(0, 10),
        metadata={"description": "Pause after each word; a word counts as one token", "unit": "seconds"},
    )


class BuiltinModel:
    """Implements the engine's `Model` port. A word counts as one token."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._pace: float = options["pace"]

    def open(self, prompt: Prompt, heartbeat: float) -> Stream[Chunk]:
        answer = _answer(prompt)
        prompt_tokens = sum(len(message.text.split()) for message in prompt.messages)
        if isinstance(answer, ToolCalled):
            cues: Iterator[Cue] = iter([Say([answer, ModelFinished("tool-calls", Usage(prompt_tokens, 0))])])
        else:
            cues = self._speak(answer, prompt.options.max_tokens, prompt_tokens)
        return Player(cues, heartbeat)

    def _speak(self, text: str, max_tokens: int | None, prompt_tokens: int) -> Iterator[Cue]:
        most = min(max_tokens or _MOST_WORDS, _MOST_WORDS)
        words = [match[0] for match in islice(re.finditer(r"\s*\S+", text), most + 1)]
        said = words[:most]
        for word in said:
            yield Say([TextDelta(word)])
            yield Pause(self._pace)
        reason: FinishReason = "stop" if len(said) == len(words) else "length"
        yield Say([ModelFinished(reason, Usage(prompt_tokens, len(said)))])


def _answer(prompt: Prompt) -> str | ToolCalled:
    """What to say, or the tool to call first."""
    last = _last_result(prompt)
    if last:
        call, result = last
        return _FROM_RESULT[result.name](prompt, call.args, result)
    question = last_question(prompt.messages)
    to_say = _to_say(prompt.order, question)
    if to_say:
        return to_say
    for matches, rule in _RULES:
        match = matches(question[:_MOST_CHARACTERS])
        if match:
            return rule(prompt, match)
    return _search(prompt, question)


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


def _call(agent: Agent, name: str, args: Mapping[str, Any]) -> ToolCalled | None:
    """A call of the tool, None where the agent does not have it."""
    return ToolCalled("call_1", name, args) if name in agent.tools else None


def _greet(prompt: Prompt, _match: Any) -> str:
    return f"Hello! I am {prompt.agent.name}, answering with Parlance's built-in model. How can I help you?"


def _thanks(_prompt: Prompt, _match: Any) -> str:
    return "You are welcome!"


def _introduce(prompt: Prompt, _match: Any) -> str:
    skills = {
        "knowledge": "answer questions from this site's knowledge and name the source",
        "calculator": "calculate",
        "clock": "tell the time",
        "stuff": "remember your things",
    }
    can = [skill for tool, skill in skills.items() if tool in prompt.agent.tools]
    return (
        f"I am {prompt.agent.name}, run by Parlance's built-in model. "
        "I am not a language model: I follow simple rules. "
        f"I can {', '.join([*can, 'tell a joke'])}. For real conversation, configure a language model."
    )


def _joke(prompt: Prompt, _match: Any) -> str:
    return random.Random(prompt.options.seed).choice(JOKES)  # noqa: S311 - a joke is no secret


def _calculate(prompt: Prompt, expression: str) -> str | ToolCalled:
    call = _call(prompt.agent, "calculator", {"expression": expression})
    return call or "I have no calculator here, so I cannot work that out."


def _time(prompt: Prompt, _match: Any) -> str | ToolCalled:
    return _call(prompt.agent, "clock", {}) or "I have no clock here, so I cannot tell."


def _recall(prompt: Prompt, match: re.Match[str]) -> str | ToolCalled:
    call = _call(prompt.agent, "stuff", {"query": match.string[:200]})
    return call or _search(prompt, match.string)


def _search(prompt: Prompt, question: str) -> str | ToolCalled:
    return _call(prompt.agent, "knowledge", {"query": question[:1000]}) or _DO_NOT_KNOW


def _tell_value(_prompt: Prompt, args: Mapping[str, Any], result: ToolResultPart) -> str:
    if result.is_error:
        return f"I could not work that out: {result.result}"
    return f"{args['expression']} = {result.result}"


def _tell_time(_prompt: Prompt, _args: Mapping[str, Any], result: ToolResultPart) -> str:
    if result.is_error:
        return "My clock does not answer."
    now = result.result
    return f"It is {now['time']} on {now['weekday']}, {now['date']} ({now['zone']})."


def _tell_things(prompt: Prompt, args: Mapping[str, Any], result: ToolResultPart) -> str | ToolCalled:
    """The user's things that were found; without any, "my" may have been about what everybody may know."""
    things = [] if result.is_error else result.result["things"]
    if things:
        return " ".join(f"{thing['name']}: {thing['content']}" for thing in things)
    unknown = f"I cannot look that up: {result.result}" if result.is_error else "You have told me nothing about that."
    return _call(prompt.agent, "knowledge", {"query": args["query"]}) or unknown


def _tell_passage(prompt: Prompt, _args: Mapping[str, Any], result: ToolResultPart) -> str:
    passages = [] if result.is_error else result.result["passages"]
    best = next((passage for passage in passages if passage["confident"]), None)
    if best is None:
        return _DO_NOT_KNOW
    if prompt.shows_sources:
        return str(best["text"])
    named = f"[{best['source']}]({best['url']})" if best["url"] else f"{best['source']}, {best['title']}"
    return f"{best['text']} (Source: {named})"


_Rule = Callable[[Prompt, Any], str | ToolCalled]
# How a question is recognised, and what answers it; the first that matches counts.
_RULES: Sequence[tuple[Callable[[str], Any], _Rule]] = (
    (find_expression, _calculate),
    (_HELP.search, _introduce),
    (_TIME.search, _time),
    (_JOKE.search, _joke),
    (_MINE.search, _recall),
    (lambda text: _GREETING.match(text) if len(text.split()) <= 4 else None, _greet),
    (lambda text: _THANKS.match(text) if len(text.split()) <= 4 else None, _thanks),
)
_FROM_RESULT: Mapping[str, Callable[[Prompt, Mapping[str, Any], ToolResultPart], str | ToolCalled]] = {
    "calculator": _tell_value,
    "clock": _tell_time,
    "knowledge": _tell_passage,
    "stuff": _tell_things,
}
