"""What proxies say of the callers behind them, believed of those that the operator counts."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.web.server.addresses import plain_address

_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO")

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def trust_proxies(app: Flask, hops: int) -> None:
    """Take the caller's address and scheme from what the nearest `hops` proxies have added to `X-Forwarded-For` and
    `X-Forwarded-Proto`; from the connection where these have fewer values, or what is said is no address. The address
    is plain (`plain_address`) for everybody who looks at it; "" at a Unix socket."""
    application = _with_plain_address(app.wsgi_app)
    if hops:
        application = _unquoted(ProxyFix(application, x_for=hops, x_proto=hops, x_host=0))
    app.wsgi_app = application  # type: ignore[assignment, method-assign]


def _with_plain_address(application: Any) -> Application:
    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        connected = environ.get("werkzeug.proxy_fix.orig", environ).get("REMOTE_ADDR", "")
        said = plain_address(environ.get("REMOTE_ADDR", ""))
        environ["REMOTE_ADDR"] = said or plain_address(connected) or ""
        result: Iterable[bytes] = application(environ, start_response)
        return result

    return call


def _unquoted(application: Application) -> Application:
    """With the headers without quotation marks and in lower case. A caller who opens one that is never closed would
    hide what proxies have added behind it, since ProxyFix reads the headers as lists that may hold quoted strings."""

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        for name in _HEADERS:
            if name in environ:
                environ[name] = environ[name].replace('"', "").lower()
        return application(environ, start_response)

    return call
