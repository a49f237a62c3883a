"""The model behind the clients of vendors' APIs: it speaks OpenAI's API and Anthropic's, answers by what it is asked,
and keeps what it was asked. (`vendor_wires.py` is how those wires are spoken by the contract suites.)"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from app.testing.configuration import CONFIG
from app.testing.model_server import LAST, Action, ModelServer, Request, streamed, whole
from app.testing.provider_apis import ANTHROPIC, OPENAI, ProviderApi, event

PIECES = ("Hel", "lo ", "there")
USAGE = {"prompt": 11, "completion": 3}
SLOWLY = ("It ", "rains ", "in ", "Oslo, ", "and 🙂 ", "it ", "is ", "going ", "to ", "rain ", "on ", "and on")
THOUGHT, SIGNATURE = "It rains in Oslo…", "EqQBCkYIBBgCKkA/+=="
COUNTED = 4711
IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # 1 pixel
BROKEN = "The model server broke off"
_MOMENT = 0.02
_FAILURES = 2  # the server itself asks an only model twice


def vendors_config(model: ModelServer, limit: str = "100000/minute") -> str:
    """The shared configuration, and an agent whose models are all kinds that the model server speaks."""
    text = CONFIG
    for wire in ("openai", "messages", "responses"):
        text = text.replace(f'{wire} = "100000/minute"', f'{wire} = "{limit}"')
    return f"""{text}
[models.eyes]
provider = "openai"
base_url = "{model.url}/v1"
model = "m-1"
images = true
aliases = ["gpt-5-desk"]           # by which llm-comply believes that it thinks

[models.blind]
provider = "openai"
base_url = "{model.url}/v1"
model = "m-1"

[models.claude]
provider = "anthropic"
base_url = "{model.url}/v1"
model = "m-2"
images = true
aliases = ["claude-sonnet-4-desk"]

[agents.desk]
model = ["scripted", "eyes", "blind", "claude"]
tools = ["calculator"]
allow_system = true
"""


class VendorsModel(ModelServer):
    """Use with `with`. What the last message says names the answer:

    - `weather`: a call of the caller's tool `get_weather`; after its result, that result and some words
    - `sum`: a call of the agent's own `calculator`, then its result
    - `think`: as `weather`, behind a signed thought (Anthropic's API)
    - `flaky …`: 500 until the client has asked again, by each text anew
    - `break`: some words, then an error
    - `slow`: SLOWLY, each piece a moment behind the other
    - anything else: PIECES

    Tokens are always COUNTED. A request that wants a call in any case is answered with one of `get_weather`, and one
    that wants thoughts with one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._asked: Counter[str] = Counter()
        self.always = self._answer

    def asked(self, word: str) -> list[Mapping[str, Any]]:
        """The bodies of the requests in which the user has said so."""
        return [request.json for request in self.requests if word in _question(request.json)]

    def _answer(self, request: Request) -> Iterable[Action]:
        if request.path.endswith("/count_tokens"):
            return whole(b'{"input_tokens": %d}' % COUNTED)
        body, api = request.json, ANTHROPIC if request.path.endswith("/messages") else OPENAI
        question, result = _question(body), _result(body)
        self._asked[question] += 1
        tool = {"weather": "get_weather", "think": "get_weather", "sum": "calculator"}.get(question.split(" ")[0])
        if body.get("tool_choice") in ("required", {"type": "any"}):
            tool = "get_weather"
        if question.startswith("flaky") and self._asked[question] <= _FAILURES:
            return whole(api.refusal("not now"), 500)
        if question.startswith("break"):
            return [*streamed(api.begin, api.text("so far"), api.error(BROKEN)), LAST]
        if question.startswith("slow"):
            told = [step for piece in SLOWLY for step in (api.text(piece), _MOMENT)]
            return [*streamed(_begin(api), *told, api.end(**USAGE)), LAST]
        if tool and result is None:
            args = {"city": "Oslo"} if tool == "get_weather" else {"expression": "2+2"}
            thought = _thought() if body.get("thinking") else b""
            return [*streamed(_begin(api), thought, api.call(0, tool, args), api.end("tool_calls", **USAGE)), LAST]
        texts = PIECES if result is None else (result, " it is")
        thought = _thought() if body.get("thinking") and result is None else b""
        return [*streamed(_begin(api), thought, *map(api.text, texts), api.end(**USAGE)), LAST]


def _begin(api: ProviderApi) -> bytes:
    usage = {"input_tokens": USAGE["prompt"], "output_tokens": 1}
    return event("message_start", message={"role": "assistant", "usage": usage}) if api is ANTHROPIC else b""


def _thought() -> bytes:
    block = {"type": "thinking", "thinking": "", "signature": ""}
    deltas = {"type": "thinking_delta", "thinking": THOUGHT}, {"type": "signature_delta", "signature": SIGNATURE}
    told = (event("content_block_delta", index=0, delta=delta) for delta in deltas)
    start = event("content_block_start", index=0, content_block=block)
    return b"".join((start, *told, event("content_block_stop", index=0)))


def _question(body: Mapping[str, Any]) -> str:
    """The last words of the user's."""
    for message in reversed(body["messages"]):
        text = _words(message) if message["role"] == "user" else ""
        if text:
            return text
    return ""


def _result(body: Mapping[str, Any]) -> str | None:
    """A tool's, where one came last."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return _words(last)
    blocks = last["content"] if isinstance(last["content"], list) else []
    results = [block for block in blocks if block["type"] == "tool_result"]
    return _words(results[0]) if results else None


def _words(message: Mapping[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")
