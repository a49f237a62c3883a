"""What the suites about `http_request` share: the tool with names of a test's own, called as a model calls it."""

from collections.abc import Mapping, Sequence
from typing import Any

from gevent import socket

from app.engine.agent import Agent, ToolContext
from app.engine.events import ToolCalled, ToolReturned
from app.engine.ports import Stream
from app.tools.http_request.hosts import parse_host
from app.tools.http_request.lookups import LookUp
from app.tools.http_request.tool import HttpRequest
from app.tools.toolbox import ToolRunner

CONTEXT = ToolContext(Agent("demo", "Demo", ("m",), tools=("http_request",)))


class Names:
    """Resolves names as it is told: each has a list of answers, one a lookup, and the last goes on for ever."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._answers = {name: list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    def __call__(self, name: str, port: int, **options: Any) -> Any:
        self.asked.append(name)
        answers = self._answers.get(name)
        if not answers:
            return socket.getaddrinfo(name, port, **options)
        given = answers.pop(0) if len(answers) > 1 else answers[0]
        return [found for address in given for found in socket.getaddrinfo(address, port, **options)]


class Requester:
    """An agent's tool. `hosts` and `private` are as in the configuration; `names` are addresses by name, unless another
    `look_up` is given."""

    def __init__(
        self,
        hosts: Sequence[str] = (),
        private: Sequence[str] = (),
        *,
        names: Mapping[str, Sequence[Sequence[str]]] | None = None,
        methods: Sequence[str] = ("GET",),
        seconds: float = 10,
        look_up: LookUp | None = None,
    ) -> None:
        self.names = Names(names or {})
        public, own = ([parse_host(text) for text in texts] for texts in (hosts, private))
        tool = HttpRequest(public, own, methods, seconds, look_up or self.names).tool()
        self._runner = ToolRunner({tool.name: tool})

    def start(self, url: str, **args: Any) -> Stream[ToolReturned]:
        return self._runner.run(CONTEXT, [ToolCalled("call_1", "http_request", {"url": url, **args})], 60)

    def call(self, url: str, **args: Any) -> ToolReturned:
        ((returned,),) = [batch for batch in self.start(url, **args) if batch]
        return returned

    def ask(self, url: str, **args: Any) -> dict[str, Any]:
        """The result of a call that succeeds."""
        returned = self.call(url, **args)
        assert not returned.is_error, returned.result
        result: dict[str, Any] = returned.result
        return result

    def refused(self, url: str, **args: Any) -> str:
        """The reason of one that does not."""
        returned = self.call(url, **args)
        assert returned.is_error, returned.result
        reason: str = returned.result
        return reason
