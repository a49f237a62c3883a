"""Programs under measurement: started, counted by the kernel's account, ended."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent
START_SECONDS = 120  # a proxy with many imports takes a while
_TICKS = os.sysconf("SC_CLK_TCK")


def allow_many_files() -> None:
    """Each stream is a file descriptor; the programs that are started inherit this limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def running(
    command: list[str], port: int, env: Mapping[str, str], folder: Path = ROOT, every: float = 0.1
) -> Iterator[int]:
    """Start, wait until the port answers, which is asked so often, end again; yields the process id."""
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"did not start: {' '.join(command)}")
            time.sleep(every)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def family(pid: int) -> list[int]:
    """The process and all that descend from it, whichever of its threads started them."""
    try:
        children = [
            child for each in Path(f"/proc/{pid}/task").glob("*/children") for child in each.read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(each for child in children for each in family(int(child)))]


def cpu_seconds(pid: int | None) -> float:
    """User and system time of the family with all its threads; of children that have ended, too. Of none, none."""
    spent = 0
    for each in family(pid) if pid else ():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended, and is in its parent's account
            fields = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
            spent += sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime
    return spent / _TICKS


def thread_seconds(pid: int) -> dict[int, float]:
    """CPU time of each thread of the process, to the microsecond where it waits just now."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {int(task.name): int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks}


def busy_seconds() -> float:
    """CPU time that the whole machine has spent, its work for interrupts included."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / _TICKS  # without idle and waiting


def memory_mib(pid: int) -> float:
    """Proportional set size: what is shared with other processes counts in part."""
    return sum(memory_of_each(pid))


def memory_of_each(pid: int) -> list[float]:
    """The same, of each process of the family, in MiB."""
    lines = [Path(f"/proc/{each}/smaps_rollup").read_text().splitlines() for each in family(pid)]
    return [int(line.split()[1]) / 1024 for each in lines for line in each if line.startswith("Pss:")]


def settle(pid: int) -> None:
    """Wait until the program has little to do any more, ten seconds at most."""
    for _ in range(20):
        before = cpu_seconds(pid)
        time.sleep(0.5)
        if cpu_seconds(pid) - before < 0.03:
            return


def machine() -> dict[str, str]:
    """What the figures were taken on."""
    model = _field("/proc/cpuinfo", "model name")
    memory = int(_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    kernel = os.uname()
    return {
        "cpu": f"{model}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"{kernel.sysname} {kernel.release.split('-')[0]} on {kernel.machine}",
    }


def node_version() -> str:
    return subprocess.run(["node", "--version"], capture_output=True, check=True, text=True).stdout.strip()


def _field(path: str, name: str) -> str:
    lines = Path(path).read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "unknown")
