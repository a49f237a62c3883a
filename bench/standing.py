"""What a relay takes before anybody comes, and while streams are open: time to start, and memory."""

import http.client
from statistics import median
from time import monotonic

from contenders import Relay
from processes import memory_mib, memory_of_each, running
from windows import PACE, Up, tell, window

STARTS = 3


def starts(relay: Relay, upstream: int, scale: float) -> dict[str, float]:
    """Seconds until it has answered a question, and MiB when it is idle: with nothing else up that shares memory."""
    seconds, idle = [], [0.0]
    for number in range(STARTS):
        begun = monotonic()
        with running(relay.command, relay.port, relay.env, relay.folder, every=0.01) as pid:
            _ask(relay)
            seconds.append(monotonic() - begun)
            if number == STARTS - 1:
                warm(Up(relay, pid, upstream), scale)
                idle = memory_of_each(pid)
    return {"cold_start": round(median(seconds), 2), "idle": round(sum(idle), 1), "worker_idle": round(max(idle), 1)}


def warm(up: Up, scale: float) -> None:
    window(up, streams=20, ramp=scale, seconds=4 * scale, tokens=100, every=PACE)


def held(up: Up, scale: float) -> dict[str, float]:
    """MiB of 1,000 open streams, and KiB of one."""
    assert up.pid
    idle = memory_mib(up.pid)
    streams = max(round(up.relay.held * min(scale, 1)), 20)
    slow = window(up, streams=streams, ramp=8 * scale, seconds=2, tokens=60, every=1000)
    if slow.seen["open"] < streams:
        tell(f"  {slow.seen['open']} of {streams} slow streams are open at {up.relay.name}")
    each = (slow.memory - idle) / max(slow.seen["open"], 1)
    return {"memory_per_1000": round(each * 1000, 1), "memory_of_one": round(each * 1024, 1)}


def _ask(relay: Relay) -> None:
    """One question, whose answer is waited for."""
    connection = http.client.HTTPConnection("127.0.0.1", relay.port)
    body = relay.wire.body.replace("MESSAGE", r"{\"tokens\":1,\"every\":0}").replace("SESSION", "first")
    connection.request("POST", relay.wire.path, body, {"content-type": "application/json", **relay.headers})
    answer = connection.getresponse().read().decode()
    connection.close()
    if relay.wire.marker not in answer:
        raise SystemExit(f"{relay.name} answered {answer[:200]}")
