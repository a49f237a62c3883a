"""Servers that are to be hurt, and who calls them."""

import os
import signal
from pathlib import Path
from typing import Any

from support.agents import keys
from torture.workload import BUDGET, PRICE

from app.store.keys import KeyKind
from app.testing.configuration import CONFIG
from app.testing.server import BIN, Server, eventually

FAST = (BIN / "gunicorn", "-c", Path(__file__).with_name("fast_restarts.conf.py"), "--keep-alive", "2")
PRICED = CONFIG.replace('provider = "scripted"', f'provider = "scripted"\ncredits = {PRICE}')


class Victim(Server):
    """A server whose processes are killed. With `fast`, a new worker serves in a tenth
    of a second."""

    def __init__(self, home: Path, *, fast: bool = True, config: str = PRICED, **options: Any) -> None:
        super().__init__(home, config=config, **options)
        self._killed: set[tuple[int, str]] = set()
        if fast:
            self.command = FAST

    def new_worker(self, seconds: float = 15) -> int:
        """The worker that has not been killed yet, as soon as it has been forked."""
        return int(eventually(self._new_worker, seconds))

    def _new_worker(self) -> int | None:
        try:
            pid = self.worker_pid()
        except IndexError:
            return None
        since = began(pid)
        return None if not since or (pid, since) in self._killed else pid

    def kill_worker(self) -> None:
        pid = self.new_worker()
        self.expect_end(pid)
        os.kill(pid, signal.SIGKILL)

    def expect_end(self, pid: int) -> None:
        """The worker will be another's."""
        self._killed.add((pid, began(pid)))

    def dead_workers(self) -> set[int]:
        """Their ids, but for that of the worker that lives: the system uses them again."""
        return {pid for pid, _ in self._killed} - {self.worker_pid()}

    def kill_master(self) -> int:
        """Kill it as the system does; returns the worker that is left behind."""
        worker = self.worker_pid()
        self._end(signal.SIGKILL)
        return worker


def began(pid: int) -> str:
    """When the process began, in the system's own unit; with its id this names it once for all. "" where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def keys_of(server: Server) -> dict[str, str]:
    """A key of each kind with a budget that is never used up; they may be made before the server starts."""
    server.make_database()
    kinds: tuple[KeyKind, ...] = ("widget", "secret")
    return {kind: keys(server).create(kind, "open", budget=BUDGET) for kind in kinds}


def sign_up(server: Server) -> dict[str, str]:
    """A session, for those who ask with one."""
    return {"session": server.key("session")}
