"""What a test starts has a status of its own, whatever gevent's event loop does in this process (tests/conftest.py)."""

import subprocess
import time

from gevent import subprocess as gevents
from gevent.threadpool import ThreadPool


def test_gevent_knows_the_status_of_what_it_has_started() -> None:
    assert gevents.call(["sh", "-c", "exit 3"]) == 3


def test_what_others_start_afterwards_keeps_its_status() -> None:
    with subprocess.Popen(["sh", "-c", "exit 2"]) as ended:
        time.sleep(0.2)
        ThreadPool(1).apply(time.sleep, (0.05,))  # the event loop runs, as it does where a key is made
        assert ended.wait() == 2


def test_gevent_knows_the_status_of_what_it_starts_then() -> None:
    assert gevents.call(["sh", "-c", "exit 3"]) == 3
