"""What caches may keep: nothing of what callers get, unless a response says otherwise by itself."""

from flask import Flask, Response, request

from app.web.services import services


def forbid_caching(app: Flask) -> None:
    """Let no cache keep a response that does not say by itself that it may, as `Prepared` does. A wire's replies also
    name the request's headers by which they differ, for caches that keep them all the same. Preflights belong to CORS.
    """

    @app.after_request
    def add_headers(response: Response) -> Response:
        if request.method != "OPTIONS":
            response.headers.setdefault("Cache-Control", "no-store")
            wire = services().wire_of(request.path)
            if wire:
                response.vary.update(wire.vary)
        return response
