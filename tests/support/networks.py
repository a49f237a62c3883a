"""Hosts with networks of their own, on this machine: network namespaces (root may make them), each with a cable to one
in the middle. They have no names, and are gone with the process that made them."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Thread

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_NOBODY = "02:00:00:00:00:01"  # a network card that there is not
_libc = ctypes.CDLL(None, use_errno=True)


class Network:
    """One machine's, as it starts: nothing but itself, which is up."""

    def __init__(self) -> None:
        self.descriptor = -1
        making = Thread(target=self._make)  # whose network it is for a moment
        making.start()
        making.join()
        if self.descriptor < 0:
            raise PermissionError("networks may not be made")
        self.run("ip link set lo up")

    def _make(self) -> None:
        if _libc.unshare(_NEW_NETWORK) == 0:
            self.descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    @property
    def path(self) -> str:
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What this thread opens and starts meanwhile, threads too, is in the network, and stays there."""
        outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(self.descriptor)
            yield
        finally:
            _enter(outside)
            os.close(outside)

    def run(self, *commands: str) -> None:
        with self.inside():
            for command in commands:
                ran = subprocess.run(command.split(), capture_output=True, text=True, check=False)
                assert ran.returncode == 0, f"{command}: {ran.stderr}"

    def set(self, **values: int) -> None:
        """Of /proc/sys/net/ipv4."""
        with self.inside():
            for name, value in values.items():
                Path(f"/proc/sys/net/ipv4/{name}").write_text(f"{value}\n")

    def close(self) -> None:
        os.close(self.descriptor)


class Host(Network):
    """One at the end of a cable to `middle`: its `address` there is reached, and reaches `middle_address`."""

    def __init__(self, middle: Network, number: int, middle_address: str) -> None:
        super().__init__()
        self._middle, self._cable, self._gateway = middle, f"to-{number}", f"10.77.{number}.1"
        self.address = f"10.77.{number}.2"
        middle.run(
            f"ip link add {self._cable} type veth peer name uplink netns {self.path}",
            f"ip address add {self._gateway}/24 dev {self._cable}",
            f"ip link set {self._cable} up",
        )
        self.run(
            f"ip address add {self.address}/24 dev uplink",
            "ip link set uplink up",
            f"ip route add {middle_address}/32 via {self._gateway}",
        )

    def unplug(self) -> None:
        self._middle.run(f"ip link set {self._cable} down")

    def plug(self) -> None:
        self._middle.run(f"ip link set {self._cable} up")

    def deafen(self) -> None:
        """What is sent to it is lost, without a word; what it sends comes."""
        self._middle.run(f"ip neigh replace {self.address} dev {self._cable} lladdr {_NOBODY} nud permanent")

    def undeafen(self) -> None:
        self._middle.run(f"ip neigh del {self.address} dev {self._cable}")


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "setns")


@cache
def may_make_networks() -> bool:
    """Whether the system lets this process make networks and cables between them."""
    if not shutil.which("ip"):
        return False
    try:
        network = Network()
    except PermissionError:
        return False
    try:
        network.run("ip link add one type veth peer name other")
        network.set(tcp_keepalive_time=3)
    except (AssertionError, OSError):
        return False
    finally:
        network.close()
    return True
