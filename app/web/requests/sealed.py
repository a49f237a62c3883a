"""What a caller keeps for a model: metadata of thoughts, which only the model that said them reads, as an opaque text
that comes back with the conversation. It is signed, so that nothing else than what a model has said reaches its server.
"""

from collections.abc import Callable

from itsdangerous import BadData

from app.engine.messages import ProviderMetadata
from app.web.services import services

LONGEST = 1_000_000  # characters
_PURPOSE = "thought"


def sealer() -> Callable[[ProviderMetadata], str]:
    """What seals. It is found while a request is at hand, and is good for as long as its answer is sent."""
    signer = services().signer

    def seal(metadata: ProviderMetadata) -> str:
        text = signer.dumps([_PURPOSE, metadata.model, dict(metadata.value)])
        return text if isinstance(text, str) else text.decode()

    return seal


def unsealed(text: str) -> ProviderMetadata | None:
    """None for what this server has not sealed, such as another server's signature."""
    try:
        purpose, model, value = services().signer.loads(text[:LONGEST])
    except (BadData, ValueError, TypeError):
        return None
    return ProviderMetadata(value, model) if purpose == _PURPOSE else None
