"""The contract suites of wires and providers, to be inherited here and in other repositories, and what drives them.

- `wire_suite`: what every wire promises. `wire_client` is what a subclass implements to say how its wire is spoken.
- `provider_suite`: what every provider's models promise; `provider_apis` is what servers of OpenAI's and Anthropic's
  APIs send.
- `plugin`: the fixtures that the suites ask for (`pytest_plugins = ["app.testing.plugin"]` in conftest.py).
- `server`, `model_server`: a real Parlance with its `configuration` and `records`, and a model server that sends what a
  test scripts. `caller`, `sockets` and `responses`: who asks, and what came back.

Nothing of the application imports this room. It needs what requirements-dev.txt names.
"""

import pkgutil

import pytest

# So that a failed assertion of a suite tells its values.
pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)))
