"""What options take for a server's address, and for a time. Anything else ends the command with status 2."""

import math
from typing import Any
from urllib.parse import SplitResult, urlsplit

import click


class ServerUrl(click.ParamType[str]):
    """An http(s) URL of printable ASCII without a user, a query or a fragment. What is refused is never shown: it may
    hold a password."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and _names_a_server(parts)
        except ValueError:  # brackets without an IPv6 address in them, a port above 65535, a label that is too long
            usable = False
        if not usable:
            self.fail("This is no http(s) URL such as https://chat.example.com or http://127.0.0.1:8000.", param, ctx)
        if "@" in parts.netloc:
            self.fail("No user and no password may stand in it.", param, ctx)
        if not value.isascii() or not value.isprintable() or " " in value:
            wanted = "Only printable ASCII may stand in it: a host as xn--…, other characters of a path as %C3%BC."
            self.fail(wanted, param, ctx)
        if parts.query or parts.fragment:
            self.fail("No query and no fragment may stand in it.", param, ctx)
        return str(value)


class Seconds(click.FloatRange):
    """Of any length within the range: it has no end that NaN would be beyond."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return seconds


def _names_a_server(parts: SplitResult) -> bool:
    """Raises ValueError for a bad port or host."""
    host = (parts.hostname or "").encode("idna")
    return bool(host) and parts.port != 0 and not parts.netloc.endswith(":")
