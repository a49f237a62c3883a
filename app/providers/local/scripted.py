"""A model that plays a script: for tests, for demonstrations, and for people who write clients.

The script is the text of the user's message where that is a JSON array of cues, else the one in the configuration.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.engine.chunks import Chunk, ModelFinished
from app.engine.errors import ChatError, ModelError, Problem
from app.engine.events import ReasoningDelta, TextDelta, ToolCalled
from app.engine.messages import FinishReason, ToolCallPart, Usage
from app.engine.needs import Need
from app.engine.ports import Stream
from app.engine.prompt import Prompt
from app.providers.local.player import Cue, Fail, Pause, Player, Say

_KINDS = ("text", "burst", "reasoning", "call", "pause", "finish", "fail", "refuse")
_PROBLEMS = {problem.name.lower(): problem for problem in Problem}
_LONGEST_PAUSE = 3600
_MOST_TIMES = 1_000_000


def _about(meaning: str, unit: str = "", kind: str = "") -> dict[str, str]:
    return {"description": meaning} | ({"unit": unit} if unit else {}) | ({"type": kind} if kind else {})


class CueSchema(Schema):
    """One cue of a script, of exactly one kind."""

    text = fields.String(metadata=_about("A token"))
    times = fields.Integer(validate=validate.Range(1, _MOST_TIMES), metadata=_about("With `text`: so many tokens"))
    every = fields.Float(
        validate=validate.Range(0, _LONGEST_PAUSE), metadata=_about("With `text`: silence before each token", "seconds")
    )
    burst = fields.List(
        fields.String(), validate=validate.Length(1), metadata=_about("Several tokens that arrive in one batch")
    )
    reasoning = fields.String(metadata=_about("A token of reasoning"))
    call = fields.String(
        metadata=_about("A call of the tool of this name. Neighbouring calls run side by side, then the script goes on")
    )
    args = fields.Dict(keys=fields.String(), metadata=_about("With `call`: its arguments"))
    pause = fields.Float(validate=validate.Range(0, _LONGEST_PAUSE), metadata=_about("Silence", "seconds"))
    finish = fields.String(
        validate=validate.OneOf(FinishReason.__args__),  # type: ignore[attr-defined]
        metadata=_about("The finish reason, in place of `stop`"),
    )
    fail = fields.String(
        validate=validate.OneOf([*_PROBLEMS, "crash"]),
        metadata=_about("Break off with a problem such as `upstream_failed`, or with a bug: `crash`", kind="problem"),
    )
    refuse = fields.String(
        validate=validate.OneOf(list(_PROBLEMS)),
        metadata=_about("As the first cue: refuse with a problem such as `overloaded`", kind="problem"),
    )

    @validates_schema
    def _one_kind(self, data: Mapping[str, Any], **_: Any) -> None:
        if sum(kind in data for kind in _KINDS) != 1:
            raise ValidationError(f"Exactly one of {', '.join(_KINDS)} is needed.")


class ScriptedOptions(Schema):
    script = fields.List(
        fields.Nested(CueSchema),
        load_default=lambda: [{"text": "Hello"}],
        metadata={
            "description": "Cues that are played where the user's message is no JSON array of cues itself",
            "type": "list of tables",
        },
    )


class ScriptedModel:
    """Implements the engine's `Model` port. Every delta counts as one token."""

    takes: frozenset[Need] = frozenset()

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._default: Sequence[Mapping[str, Any]] = options["script"]

    def open(self, prompt: Prompt, heartbeat: float) -> Stream[Chunk]:
        """See the port. Raises ChatError(INVALID) where the message is a JSON array but not a script."""
        script = list(_remaining(self._script(prompt), prompt))
        if script and "refuse" in script[0]:
            raise ModelError(_PROBLEMS[script[0]["refuse"]])
        return Player(_cues(script, prompt), heartbeat)

    def _script(self, prompt: Prompt) -> Sequence[Mapping[str, Any]]:
        text = next(message.text for message in reversed(prompt.messages) if message.role == "user")
        if not text.lstrip().startswith("["):
            return self._default
        try:
            loaded: Sequence[Mapping[str, Any]] = CueSchema(many=True).load(orjson.loads(text))
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise ChatError(Problem.INVALID, f"The script cannot be played: {error}") from error
        return loaded


def _remaining(script: Sequence[Mapping[str, Any]], prompt: Prompt) -> Iterator[Mapping[str, Any]]:
    """The cues after the tool calls that this answer has made already."""
    calls = _calls_made(prompt)
    for cue in script:
        if calls == 0:
            yield cue
        elif "call" in cue:
            calls -= 1


def _calls_made(prompt: Prompt) -> int:
    """How many tool calls the answer has made in earlier rounds."""
    last = prompt.messages[-1]
    return sum(isinstance(part, ToolCallPart) for part in last.parts) if last.role == "assistant" else 0


def _cues(script: Sequence[Mapping[str, Any]], prompt: Prompt) -> Iterator[Cue]:
    """The player's cues for one round: up to and with the next group of tool calls, at most `max_tokens` tokens."""
    calls: list[Chunk] = []
    reason: FinishReason = "stop"
    tokens = 0
    for cue in script:
        if calls and "call" not in cue:
            break
        if "call" in cue:
            number = _calls_made(prompt) + len(calls) + 1
            calls.append(ToolCalled(f"call_{number}", cue["call"], cue.get("args", {})))
        reason = cue.get("finish", reason)
        for each in _player_cues(cue):
            size = len(each.chunks) if isinstance(each, Say) else 0
            if tokens + size > (prompt.options.max_tokens or tokens + size):
                yield Say([ModelFinished("length", Usage(len(prompt.messages), tokens))])
                return
            tokens += size
            yield each
    yield Say([*calls, ModelFinished("tool-calls" if calls else reason, Usage(len(prompt.messages), tokens))])


def _player_cues(cue: Mapping[str, Any]) -> Iterator[Cue]:
    """The player's cues for one cue of a script."""
    match cue:
        case {"text": text}:
            for _ in range(cue.get("times", 1)):
                if "every" in cue:
                    yield Pause(cue["every"])
                yield Say([TextDelta(text)])
        case {"burst": texts}:
            yield Say([TextDelta(text) for text in texts])
        case {"reasoning": text}:
            yield Say([ReasoningDelta(text)])
        case {"pause": seconds}:
            yield Pause(seconds)
        case {"fail": "crash"}:
            yield Fail(RuntimeError("the script asked for a crash"))
        case {"fail": problem}:
            yield Fail(ModelError(_PROBLEMS[problem]))
