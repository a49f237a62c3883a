"""The application, with a measure of how long anything holds its event loop: gunicorn loads it in the place of `wsgi`.

`GET /probe` tells the longest holds since it was asked last, as [milliseconds, whose] with the longest first: the CPU
time of the worker's main thread between two switches of greenlets, since nothing else runs meanwhile. What other
programs of the machine take does not count. Whose it was is the request's `X-Request-Id`, or what else ran.
"""

from heapq import heappush, heappushpop
from time import thread_time
from typing import Any

import orjson
from gevent import getcurrent
from greenlet import gettrace, settrace

from wsgi import app

MOST = 50  # holds that are told

_holds: list[tuple[float, str]] = []
_since = float("inf")  # until the measure begins


def _switched(_event: str, between: Any) -> None:
    global _since  # noqa: PLW0603 - one measure for one thread
    time = thread_time()
    held = (time - _since) * 1000
    if held > 1:
        origin = between[0]
        whose = getattr(origin, "request_id", "") or repr(origin)[:200]
        (heappush if len(_holds) < MOST else heappushpop)(_holds, (held, whose))
    _since = thread_time()


_serve = app.wsgi_app


def _measured(environ: dict[str, Any], start_response: Any) -> Any:
    if environ["PATH_INFO"] != "/probe":
        getcurrent().request_id = environ.get("HTTP_X_REQUEST_ID", environ["PATH_INFO"][:200])
        return _serve(environ, start_response)
    if gettrace() is not _switched:
        settrace(_switched)
    told = orjson.dumps(sorted(_holds, reverse=True))
    _holds.clear()
    start_response("200 OK", [("Content-Length", str(len(told))), ("Content-Type", "application/json")])
    return [told]


app.wsgi_app = _measured
