"""An agent's models behind one port: where one refuses, the next is tried; one whose circuit is open is left out."""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from math import ceil
from time import monotonic

from app.engine.calls_in_words import without_calls
from app.engine.chunks import Chunk
from app.engine.errors import FailureKind, ModelError, Problem
from app.engine.exchange import Exchange
from app.engine.framing import END_OF_THOUGHTS
from app.engine.needs import Need, needs_of
from app.engine.ports import Model, ModelStream, TakesText, TokenCounter
from app.engine.prompt import Prompt, shortened
from app.providers.circuit_breaker import CircuitBreaker
from app.providers.pending import PendingStream
from app.providers.reply import Reply
from app.providers.transport.redaction import redacted

log = logging.getLogger(__name__)

LONGEST_RETRY_SECONDS = 10  # a model server that asks for a longer pause is not tried again

# One try of a model. Yields an empty batch after each heartbeat interval; returns None once an answer has begun, or the
# failure after which another model may be asked, or the same one again.
Attempt = Generator[tuple[()], None, ModelError | None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A configured model and its circuit breaker, which all agents with this model share. `identity` is as in the port
    `ModelStream`; without one, it is the name."""

    model: Model
    circuit: CircuitBreaker
    identity: str = ""

    def asked(self, prompt: Prompt, exchange: Exchange) -> Prompt:
        """The prompt as this model gets it, in this exchange."""
        return replace(prompt.for_model(self.identity or self.circuit.name), exchange=exchange)


class Fallback:
    """Implements the engine's `AgentModel` port.

    Tries the candidates in their order and the last of them whose failure may pass once more: `retry_seconds` later, or
    when its server says, at most LONGEST_RETRY_SECONDS later. Where the prompt is too long for all that could answer,
    the last of these is asked with the later half of the conversation.
    """

    def __init__(self, candidates: Sequence[Candidate], retry_seconds: float) -> None:
        self._candidates = candidates
        self._retry_seconds = retry_seconds

    def lacks(self, needs: frozenset[Need]) -> frozenset[Need]:
        """See the port."""
        return min((needs - each.model.takes for each in self._candidates), key=len)

    def ask(self, prompt: Prompt, heartbeat: float, model: str | None = None) -> ModelStream:
        """See the port."""
        only = next((each for each in self._candidates if each.circuit.name == model), None)
        if only:
            again = partial(self._again, candidates=[only])
            return FallbackStream(prompt, heartbeat, partial(self._only, only), again)
        able = self._able(prompt)
        attempts, again = partial(self._attempts, candidates=able), partial(self._again, candidates=able)
        return FallbackStream(prompt, heartbeat, attempts, again)

    def count_tokens(self, prompt: Prompt) -> int | None:
        """See the port."""
        first = next((each for each in self._able(prompt) if not each.circuit.seconds_open()), None)
        if first is None or not isinstance(first.model, TokenCounter):
            return None
        asked = first.asked(prompt, prompt.exchange)
        try:
            return first.model.count_tokens(asked)
        except ModelError as error:
            _log("model counts no tokens", first.circuit.name, error, asked.exchange.fields())
            return None

    def _able(self, prompt: Prompt) -> Sequence[Candidate]:
        """Those that take all that the question needs; where none does, all."""
        asked = [message for message in prompt.messages if message.role == "user"]
        needs = needs_of(asked[-1:], prompt.options)
        return [each for each in self._candidates if needs <= each.model.takes] or self._candidates

    def _only(self, only: Candidate, stream: "FallbackStream") -> Attempt:
        """Attempt the one candidate, and once more where it says nothing."""
        error = yield from stream.attempt(only)
        if error and error.kind is FailureKind.WORDLESS:
            error = yield from stream.attempt(only, pause=self._retry_seconds)
        elif error and error.kind is FailureKind.TOO_LONG:
            error = yield from stream.attempt_shorter(only, error)
        return error

    def _again(self, stream: "FallbackStream", candidates: Sequence[Candidate]) -> Attempt:
        """Attempt the first other candidate, or the same one where there is none, after an answer without a word whose
        caller has seen that it began."""
        others = (each for each in candidates if each.circuit.name != stream.model)
        other = next((each for each in others if each.circuit.allows(stream)), None)
        same = next(each for each in candidates if each.circuit.name == stream.model)
        return (yield from stream.attempt(other or same, pause=0 if other else self._retry_seconds))

    def _attempts(self, stream: "FallbackStream", candidates: Sequence[Candidate]) -> Attempt:
        """Attempt the candidates until one begins to answer.

        While there is another one to try, an attempt lasts until there is something to show. The last attempt ends
        after one heartbeat interval even if there is nothing: its caller's response then begins.
        """
        error: ModelError | None = None
        passing: tuple[Candidate, ModelError] | None = None
        too_long: tuple[Candidate, ModelError] | None = None
        for position, candidate in enumerate(candidates, 1):
            if candidate.circuit.allows(stream):
                others = any(not each.circuit.seconds_open() for each in candidates[position:])
                error = yield from stream.attempt(candidate, to_the_first=others)
                if error is None:
                    return None
                if error.kind.again:
                    passing = candidate, error
                elif error.kind is FailureKind.TOO_LONG:
                    too_long = candidate, error
        if error is None:
            wait = min(candidate.circuit.seconds_open() for candidate in candidates)
            return ModelError(Problem.OVERLOADED, retry_after=ceil(wait))
        if passing is None:
            return (yield from stream.attempt_shorter(*too_long)) if too_long else error
        last, error = passing
        pause = self._retry_seconds if error.retry_after is None else error.retry_after
        if last.circuit.seconds_open() or pause > LONGEST_RETRY_SECONDS:
            return error
        return (yield from stream.attempt(last, pause=pause))


class FallbackStream:
    """Implements the engine's `ModelStream` port: the stream of the candidate that `connect_by` finds. Where the stream
    has begun, and ends without a word, the one that `again` finds follows, once."""

    def __init__(
        self,
        prompt: Prompt,
        heartbeat: float,
        connect_by: Callable[["FallbackStream"], Attempt],
        again: Callable[["FallbackStream"], Attempt],
    ) -> None:
        self.model = self.identity = ""
        self._prompt, self._heartbeat, self._connect_by, self._again = prompt, heartbeat, connect_by, again
        self._exchange, self._began = prompt.exchange, monotonic()
        self._circuit: CircuitBreaker | None = None
        self._pending: PendingStream | None = None
        self._reply = Reply(iter(()), needs_words=False)
        self._wordless = 0  # replies so far
        self._reported: ModelError | None = None
        self._take: TakesText = lambda _text: None
        self._closed = False

    @property
    def accepted(self) -> bool:
        """See the port."""
        return self._pending is not None and self._pending.stream is not None

    @property
    def phases(self) -> Mapping[str, float]:
        """See the port."""
        return self._exchange.phases

    def connect(self) -> Iterator[tuple[()]]:
        """See the port."""
        try:
            error = yield from self._connect_by(self)
            if error:
                raise error
        except BaseException:
            self.close()
            raise

    def attempt(
        self, candidate: Candidate, *, pause: float = 0, to_the_first: bool = False, prompt: Prompt | None = None
    ) -> Attempt:
        """Try the candidate after `pause` seconds, until it has accepted the prompt and there is something to show, or,
        without `to_the_first`, for one heartbeat interval.

        Where it refuses a prompt with tool calls, it is asked once more with them told in words, since those are what
        servers are most particular about; its circuit does not hear of that.

        Raises ModelError where no other model would do better.
        """
        if self._closed:
            return None
        self.model, self._circuit = candidate.circuit.name, candidate.circuit
        self.identity = candidate.identity or candidate.circuit.name
        self._exchange, self._began = self._exchange.another(), monotonic() + pause
        asked = candidate.asked(prompt or self._prompt, self._exchange)
        self._pending = PendingStream(candidate.model, asked, self._heartbeat, pause)
        try:
            yield from self._pending
            self._reply = Reply(iter(self._pending.stream or ()), needs_words=not self._prompt.has_words)
            yield from self._reply.begin(None if to_the_first else self._heartbeat)
            self._log_refused()
        except ModelError as error:
            self._pending.close()
            told = without_calls(asked) if error.kind is FailureKind.REFUSED else None
            if told and not self._closed:
                self._log_refused()
                self._log(error, "model refuses tool calls: asked again with them told in words")
                return (yield from self.attempt(candidate, to_the_first=to_the_first, prompt=told))
            self.ended(error)
            if not error.kind.others:
                raise
            return error
        if self._reply.has_begun:
            self._circuit.began()
            self._exchange.enter("rest")
        return None

    def attempt_shorter(self, candidate: Candidate, error: ModelError) -> Attempt:
        """Try the candidate with the later half of a prompt that was too long for it; the error where there is none."""
        shorter = shortened(self._prompt)
        return (yield from self.attempt(candidate, prompt=shorter)) if shorter else error

    def __iter__(self) -> Iterator[Sequence[Chunk]]:
        """Only what comes until the first word passes through here."""
        return chain.from_iterable(self._until_and_after_the_first_word())

    def shorten(self, take: TakesText) -> None:
        """See the port."""
        self._take = take

    def _until_and_after_the_first_word(self) -> Iterator[Iterable[Sequence[Chunk]]]:
        yield self._until_the_first_word()
        shorten = getattr(self._pending and self._pending.stream, "shorten", None)
        if shorten:
            shorten(self._take)
        yield self._reply.rest

    def _until_the_first_word(self) -> Iterator[Sequence[Chunk]]:
        while True:
            begun = self._reply.has_begun
            try:
                for batch in self._reply.until_the_first_word():
                    if batch and not begun:
                        begun = True
                        self._exchange.enter("rest")
                    yield batch
            except ModelError as error:
                if error.kind is not FailureKind.WORDLESS or self._wordless:
                    raise
                self.ended(error)
                if begun:
                    yield [END_OF_THOUGHTS]  # what the next one thinks is a part of its own, for its model alone
                yield from self._connect_again()
            else:
                return

    def _connect_again(self) -> Iterator[tuple[()]]:
        if self._pending:
            self._pending.close()
        try:
            error = yield from self._again(self)
            if error:
                raise error
        except ModelError as failure:
            self._reported = failure
            raise

    def ended(self, error: ModelError | None) -> None:
        """See the port. After an error that does not count the model is well, for its circuit: it was the request's."""
        assert self._circuit
        if error and error is self._reported:
            return  # by the attempt already
        if error:
            self._log_refused()
            self._log(error)
            self._wordless += error.kind is FailureKind.WORDLESS
        if error and error.kind.counts:
            self._circuit.failed()
        else:
            self._circuit.succeeded()

    def _log_refused(self) -> None:
        while self._exchange.refused:
            self._log(self._exchange.refused.pop(0))

    def _log(self, error: ModelError, line: str = "model failed") -> None:
        """A line for each request that failed, with the ids by which it is found, and how long each phase took."""
        times = {**self._exchange.fields(), "seconds": round(max(monotonic() - self._began, 0.0), 4)}
        _log(line, self.model, error, times)

    def close(self) -> None:
        """See the port."""
        self._closed = True
        if self._pending and self._circuit:
            self._pending.close()
            self._circuit.abandoned(self)


def _log(line: str, model: str, error: ModelError, times: Mapping[str, object]) -> None:
    fields = {"model": model, "kind": error.kind.word, "reason": redacted(error.reason or error.message)}
    log.warning(line, extra={**fields, **times, **error.details})
