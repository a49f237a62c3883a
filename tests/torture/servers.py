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
PRICED = CONFIG.replace('provider = "scripted"', f'provider = "scripted"\ncredits = {PRICE}').replace(
    "[limits]\n",
    '[limits]\nthings = "100000/minute"\n',  # kills do not empty Redis
)


class Victim(Server):
    """A server whose processes are killed. With `fast`, a new worker serves in a tenth
    of a second."""

    def __init__(self, home: Path, *, fast: bool = True, config: str = PRICED, **options: Any) -> None:
        super().__init__(home, config=config, **options)
        self._killed: set[tuple[int, str]] = set()
        if fast:
            self.command = FAST

    def new_worker(self, seconds: float = 15) -> int:
        """The youngest worker, as soon as all that were killed have been replaced."""
        number = int(self.env.get("WEB_CONCURRENCY", 1))
        return int(eventually(lambda: (living := self.living())[number - 1 :] and living[-1], seconds))

    def living(self) -> list[int]:
        """The workers that have not been killed, the oldest first."""
        began_at = {pid: began(pid) for pid in self.worker_pids()}
        return [pid for pid, since in began_at.items() if since and (pid, since) not in self._killed]

    def kill_worker(self, pid: int | None = None) -> None:
        """This one, or the youngest."""
        pid = pid or self.new_worker()
        self.expect_end(pid)
        os.kill(pid, signal.SIGKILL)

    def expect_end(self, pid: int) -> None:
        """The worker will be another's."""
        self._killed.add((pid, began(pid)))

    def dead_workers(self) -> set[int]:
        """Their ids, but for those of the workers that live: the system uses them again."""
        return {pid for pid, _ in self._killed} - {*self.worker_pids()}

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
