"""The contract suites of wires and providers, to be inherited here and in other repositories, and what drives them.

- `wire_suite`: what every wire promises. `wire_client` is what a subclass implements to say how its wire is spoken.
- `provider_suite`: what every provider's models promise; `provider_apis` is what servers of OpenAI's and Anthropic's
  APIs send.
- `plugin`: the fixtures that the suites ask for (`pytest_plugins = ["app.testing.plugin"]` in conftest.py).
- `server`, `model_server`: a real Parlance with its `configuration` and `records`, and a model server that sends what a
  test scripts. `caller`, `sockets` and `responses`: who asks, and what came back.

Nothing of the application imports this room. It needs what requirements-dev.txt names.
"""

import pytest

pytest.register_assert_rewrite(
    "app.testing.caller",
    "app.testing.plugin",
    "app.testing.provider_suite",
    "app.testing.responses",
    "app.testing.sockets",
    "app.testing.wire_client",
    "app.testing.wire_suite",
)
