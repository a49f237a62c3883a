"""Bodies that are the same for every caller: made once, sent compressed, sent again only where they have changed."""

import gzip
from hashlib import sha256

from flask import Response, request


class Prepared:
    """A body and the whole of its `Content-Type`. To make one takes a moment, since it is compressed at once."""

    def __init__(self, content: bytes, content_type: str) -> None:
        self._type = content_type
        self._plain = content, _tag(content)
        packed = gzip.compress(content, 9, mtime=0)
        self._packed = packed, _tag(packed)

    def response(self, seconds: int = 0) -> Response:
        """For this request. Caches may keep it for so many seconds before they ask again; 304 where the caller has it.

        Bytes, not an open file: a server sends a file past the hooks that account for a response's end.
        """
        packed = request.accept_encodings["gzip"] > 0
        content, tag = self._packed if packed else self._plain
        response = Response(content, content_type=self._type)
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Cache-Control"] = f"public, max-age={seconds}" if seconds else "no-cache"
        response.vary.add("Accept-Encoding")
        response.set_etag(tag)
        response.make_conditional(request)
        return response


def _tag(content: bytes) -> str:
    return sha256(content).hexdigest()[:32]
