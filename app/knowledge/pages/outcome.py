"""What a run over a source tells."""

from collections.abc import Callable
from dataclasses import dataclass, field

Progress = Callable[[str, int, int], None]
"""Told before each request or file: the address, how many addresses are done, and how many wait."""


@dataclass
class Outcome:
    """What a run has done: addresses of pages or files, and of what was left out, with the reason.

    `stopped`: why not all was read; "" where it was. `interrupted`: somebody did not want to wait.
    """

    written: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    stopped: str = ""
    interrupted: bool = False
