"""The header Idempotency-Key, as draft-ietf-httpapi-idempotency-key-header-07 has it: a quoted string (RFC 9651), or,
as most clients send it, without quotes."""

import hashlib
import re

import orjson
from flask import g, request

from app.engine.conversation import ConversationRef, RequestKey
from app.engine.errors import ChatError, Problem
from app.engine.running_turns import Taker

HEADER = "Idempotency-Key"
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"')
_BARE = re.compile(r"[!#-+\--~]+")  # no comma: several headers of a name arrive as one, with commas
_MOST = 255  # characters


def has_request_key() -> bool:
    return HEADER in request.headers


def request_key(conversation: ConversationRef, taker: Taker) -> RequestKey | None:
    """What the question is known by, where it may be asked again: within its owner (of callers without a credential,
    and of one that is still to be made, the taker), conversation and operation. Raises ChatError(INVALID)."""
    if not has_request_key():
        return None
    key = _read(request.headers[HEADER])
    named = conversation.id or conversation.external_id or ""
    # A widget's key stands in a public page: where no conversation is named, its callers are told apart by address too.
    owner = f"anonymous:{taker.name}" if taker.anonymous else conversation.owner if named else taker.name
    scope = [conversation.wire, conversation.agent, owner, named, request.method, request.path, key]
    asked = orjson.dumps(g.posted, option=orjson.OPT_SORT_KEYS)
    return RequestKey(hashlib.sha256(orjson.dumps(scope)).hexdigest(), hashlib.sha256(asked).hexdigest())


def _read(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    if not (quoted or _BARE.fullmatch(text)) or len(key) > _MOST:
        reason = f"Must be one key of 1 to {_MOST} visible ASCII characters; with a comma, in quotation marks."
        raise ChatError(Problem.INVALID, f"{HEADER}: {reason}", fields={HEADER: reason})
    return key
