"""nginx before servers of the tests: with a configuration of a test's own, or as config/nginx/parlance.conf has it."""

import re
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from app.testing.server import ROOT, eventually

NGINX = "/usr/sbin/nginx"
DOCUMENTED = ROOT / "config" / "nginx" / "parlance.conf"
needs_nginx = pytest.mark.skipif(not Path(NGINX).exists(), reason=f"there is no {NGINX}")
_CONFIG = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_buffer_size 1m;  # its workers, which are nobody, may write no file here
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    {servers}
}}
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@dataclass(eq=False)
class Front:
    """What a caller needs of a server, with the proxy's address in the place of its own; all else is the server's."""

    server: Any = None
    port: int = field(default_factory=_free_port)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.server, name)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=5).ok
        except requests.ConnectionError:
            return False


def documented(front: Front, upstreams: Sequence[str]) -> str:
    """The shipped configuration, but for names, ports and TLS: for callers of `front`, with these servers behind it."""
    redirects, serves = re.findall(r"^server \{.*?^\}\n", DOCUMENTED.read_text(), re.DOTALL | re.MULTILINE)
    assert "return 301" in redirects
    for old, new in (
        (r"^ *(ssl_|listen \[).*\n", ""),
        (r"443 ssl http2", f"127.0.0.1:{front.port}"),
        (r"chat\.example\.com", "localhost"),
        (r"http://parlance", f"http://parlance_{front.port}"),
    ):
        serves, times = re.subn(old, new, serves, flags=re.MULTILINE)
        assert times, old
    (line,) = re.findall(r"^    server (unix:\S+)(.*;)$", DOCUMENTED.read_text(), re.MULTILINE)
    servers = "".join(f"    server {each}{line[1]}\n" for each in upstreams)
    return f"upstream parlance_{front.port} {{\n{servers}}}\n{serves}"


@contextmanager
def nginx(folder: Path, *servers: str, fronts: Sequence[Front]) -> Iterator[None]:
    """Serves these servers of its configuration, from when all fronts answer."""
    (folder / "nginx.conf").write_text(_CONFIG.format(folder=folder, servers="\n".join(servers)))
    command = [NGINX, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log")]
    with subprocess.Popen(command) as running:
        try:
            for front in fronts:
                eventually(front.answers)
            yield
        finally:
            running.terminate()
            running.wait(10)
