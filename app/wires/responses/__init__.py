"""OpenAI's Responses API, as Open Responses describes it: docs/wires/responses.md."""

from app.web.callers.credentials import BearerKey
from app.web.wire import Wire
from app.wires.responses.errors import error_body
from app.wires.responses.operations import REFERENCE
from app.wires.responses.routes import blueprint

WIRE = Wire(
    name="responses",
    blueprint=blueprint,
    paths=("/v1/responses",),
    credentials=(BearerKey(),),
    key_kinds=("secret",),
    default_limit="60/minute",
    error_body=error_body,
    reference=REFERENCE,
    for_vendors_clients=True,
)
