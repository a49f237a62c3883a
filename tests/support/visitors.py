"""Visitors for whom a site vouches, and what they ask of the widget's wire."""

import hashlib
import hmac
import time

import requests

from app.testing.server import new_session_id


def id_of(server, key: str) -> str:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return str(server.rows("SELECT id FROM keys WHERE hash = ?", digest)[0]["id"])


def signed(secret: str, visitor: str, expires: float | None = None) -> str:
    """As a site's back end does it."""
    until = int(time.time() + 60 if expires is None else expires)
    signature = hmac.new(secret.encode(), f"{until}.{visitor}".encode(), hashlib.sha256).hexdigest()
    return f"{until}.{signature}.{visitor}"


def chat(server, key, token, text: str, name: str | None = None) -> requests.Response:
    headers = {"x-api-key": key, **({"x-visitor": token} if token else {})}
    body = {"sessionId": name or new_session_id(), "message": text}
    return requests.post(f"{server.url}/v1/chat", json=body, headers=headers, timeout=30)


def history(server, key, token, **query: str) -> requests.Response:
    headers = {"x-api-key": key, **({"x-visitor": token} if token else {})}
    return requests.get(f"{server.url}/v1/chat/history", headers=headers, params=query, timeout=30)


def stop(server, key, token, session: str) -> requests.Response:
    headers = {"x-api-key": key, "x-visitor": token}
    return requests.delete(f"{server.url}/v1/chat/stream", headers=headers, params={"sessionId": session}, timeout=30)
