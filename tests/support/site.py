"""A site on this machine, as its pages are described: what a crawler gets there, and what it asked for."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from fpdf import FPDF

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Site:
    """`pages`: path with query -> how it is answered; others are 404. `asked`: paths in the order of their requests,
    with headers and the time (monotonic)."""

    url: str = ""
    pages: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str], float]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """With its port."""
        return self.url.removeprefix("http://")

    @property
    def paths(self) -> list[str]:
        return [path for path, *_ in self.asked]

    def html(self, path: str, body: str, head: str = "", **headers: str) -> None:
        """A page in the frame of its site: menu, footer, and the body between them."""
        text = (
            f"<!doctype html><html lang='en'><head>{head}</head><body><header><nav><a href='/'>Start</a> "
            f"<a href='/a'>A</a> <a href='/b'>B</a></nav></header><main>{body}</main>"
            "<footer>Imprint and cookies</footer></body></html>"
        )
        self.pages[path] = answer(text.encode(), "text/html; charset=utf-8", **headers)

    def sitemap(self, path: str, *paths: str, index: bool = False) -> None:
        outer, inner = ("sitemapindex", "sitemap") if index else ("urlset", "url")
        listed = "".join(f"<{inner}><loc>{self.url}{each}</loc></{inner}>" for each in paths)
        text = f"<?xml version='1.0'?><{outer} xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{listed}</{outer}>"
        self.pages[path] = answer(text.encode(), "application/xml")


def answer(body: bytes, content_type: str = "text/html", status: int = 200, **headers: str) -> Answer:
    """With an ETag among the headers, a request that names it gets 304."""

    def give(handler: BaseHTTPRequestHandler) -> None:
        unchanged = headers.get("etag") and handler.headers.get("If-None-Match") == headers["etag"]
        handler.send_response(304 if unchanged else status)
        if content_type:
            handler.send_header("content-type", content_type)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if unchanged:
            handler.end_headers()
            return
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return give


def redirect(location: str, status: int = 302) -> Answer:
    return answer(b"", status=status, location=location)


def raw(*pieces: bytes, pause: float = 0.0) -> Answer:
    """Bytes as they are, head included, with a pause before each piece; then the connection ends."""

    def give(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        for piece in pieces:
            time.sleep(pause)
            handler.wfile.write(piece)
            handler.wfile.flush()

    return give


def endless(head: bytes, piece: bytes) -> Answer:
    """A body that never ends, as fast as it is taken."""

    def give(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(head)
        while True:
            handler.wfile.write(piece)

    return give


def pdf(*pages: str) -> bytes:
    """A document with a page for each text."""
    document = FPDF()
    document.set_font("Helvetica", size=12)
    for text in pages:
        document.add_page()
        document.multi_cell(0, text=text)
    return bytes(document.output())


@contextmanager
def running_site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append((self.path, dict(self.headers), time.monotonic()))
            try:
                site.pages.get(self.path, answer(b"Not here", "text/plain", 404))(self)
            except OSError:
                self.close_connection = True  # the client has had enough

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
