"""Processes that a server has started, looked at from outside."""

from pathlib import Path


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def lives(pid: int) -> bool:
    return _state(pid) not in ("Z", None)


def computes(pid: int) -> bool:
    """Whether it has something to do at this moment."""
    return _state(pid) == "R"


def _state(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def open_files(pid: int) -> list[str]:
    """What the process has open: sockets, files, pipes."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue  # closed meanwhile, or the one with which the folder is read
    return found
