"""What the suites about callers who leave share: a relay's configuration, the moments, and what must be closed when."""

from collections.abc import Callable, Mapping, Sequence

from app.testing.model_server import SILENCE, Request, Step, Upstream, head, streamed
from app.testing.provider_streams import SPEECHES, Speech
from app.testing.server import CONFIG

SECONDS = 0.2  # 0.1 promised, as much again for scheduling

MID_STREAM = "in mid-stream, while it is silent"
MOMENTS: Mapping[str, Callable[[Speech], Sequence[Step]]] = {
    "before the response head has come": lambda _: [SILENCE],
    "while a refusal is read": lambda _: [head(500), SILENCE],
    "before the first token": lambda speech: [*streamed(speech.begin), SILENCE],
    "while only pings come": lambda speech: streamed(*[speech.ping, 0.05] * 99),
    MID_STREAM: lambda speech: [*streamed(speech.begin, speech.text("so far")), SILENCE],
    "in mid-stream, while it speaks": lambda speech: [*streamed(speech.begin, *[speech.text("so far"), 0.02] * 500)],
}


def configuration(upstream: Upstream) -> str:
    """The shared configuration, and an agent on the model server for each provider."""
    added = "".join(
        f"""
[models.{speech}]
provider = "{speech}"
base_url = "{upstream.url}/v1"
model = "m-1"

[agents.{speech}]
model = "{speech}"
tools = ["calculator"]
"""
        for speech in SPEECHES
    )
    return CONFIG + added


def left_within(request: Request, left: float) -> float:
    assert request.closed.wait(5), "the model server never hears of it"
    return request.closed_at - left
