"""OpenAI's chat completions: docs/wires/openai.md."""

from app.web.callers.credentials import BearerKey, HeaderKey
from app.web.responses.openai_errors import error_body
from app.web.wire import Wire
from app.wires.openai.operations import REFERENCE
from app.wires.openai.routes import blueprint

WIRE = Wire(
    name="openai",
    blueprint=blueprint,
    paths=("/v1/chat/completions", "/v1/models"),
    credentials=(BearerKey(), HeaderKey("x-api-key")),  # by which Anthropic's clients ask for models
    key_kinds=("secret",),
    default_limit="60/minute",
    error_body=error_body,
    reference=REFERENCE,
    for_vendors_clients=True,
)
