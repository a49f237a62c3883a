"""What a caller keeps for a model: metadata of thoughts, which only the model that said them reads, as an opaque text
that comes back with the conversation. It is signed, so that nothing else than what a model has said reaches its server.
"""

from collections.abc import Callable

from itsdangerous import BadData

from app.engine.messages import ProviderMetadata
from app.web.services import services

LONGEST = 1_000_000  # characters
_PURPOSE = "thought"

Seal = Callable[[ProviderMetadata], str]


def sealer() -> Seal:
    """For an encoder, which goes on when the request and its application are no longer at hand."""
    signer = services().signer

    def seal(metadata: ProviderMetadata) -> str:
        text = signer.dumps([_PURPOSE, metadata.model, dict(metadata.value)])
        return text if isinstance(text, str) else text.decode()

    return seal


def sealed(metadata: ProviderMetadata) -> str:
    return sealer()(metadata)


def unsealed(text: str) -> ProviderMetadata | None:
    """None for what this server has not sealed, such as another server's signature."""
    try:
        purpose, model, value = services().signer.loads(text[:LONGEST])
    except (BadData, ValueError, TypeError):
        return None
    return ProviderMetadata(value, model) if purpose == _PURPOSE else None
