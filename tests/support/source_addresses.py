"""Requests from other addresses of this machine."""

from typing import Any

from requests.adapters import HTTPAdapter


class FromAddress(HTTPAdapter):
    """Sends from one of this machine's many addresses."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, source_address=(self.address, 0), **options)
