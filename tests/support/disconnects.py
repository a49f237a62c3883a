"""What the suites about callers who leave share: a relay's configuration, the moments, and what must be closed when."""

from collections.abc import Callable, Mapping, Sequence

from app.testing.configuration import CONFIG
from app.testing.model_server import SILENCE, Action, ModelServer, Request, head, streamed
from app.testing.provider_apis import PROVIDER_APIS, ProviderApi

SECONDS = 0.2  # 0.1 promised, as much again for scheduling

MID_STREAM = "in mid-stream, while it is silent"
MOMENTS: Mapping[str, Callable[[ProviderApi], Sequence[Action]]] = {
    "before the response head has come": lambda _: [SILENCE],
    "while a refusal is read": lambda _: [head(500), SILENCE],
    "before the first token": lambda api: [*streamed(api.begin), SILENCE],
    "while only pings come": lambda api: streamed(*[api.ping, 0.05] * 99),
    MID_STREAM: lambda api: [*streamed(api.begin, api.text("so far")), SILENCE],
    "in mid-stream, while it speaks": lambda api: [*streamed(api.begin, *[api.text("so far"), 0.02] * 500)],
}


def configuration(upstream: ModelServer) -> str:
    """The shared configuration, and an agent on the model server for each provider."""
    added = "".join(
        f"""
[models.{api}]
provider = "{api}"
base_url = "{upstream.url}/v1"
model = "m-1"

[agents.{api}]
model = "{api}"
tools = ["calculator"]
"""
        for api in PROVIDER_APIS
    )
    return CONFIG + added


def left_within(request: Request, left: float) -> float:
    assert request.closed.wait(5), "the model server never hears of it"
    return request.closed_at - left
