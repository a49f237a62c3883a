#!/bin/sh
# gevent 26.9.0 (PyPI), with Python's own `subprocess` in the same process; nothing is patched.
#
# Guess: each of the two knows the status of what it has started itself, and where they do get into each other's way,
#   `hub.loop.reset_sigchld()` ends that.
# Seen: once gevent has started something, its loop waits for every child that ends whenever it runs, a thread pool's call
#   is enough. Python finds nothing to wait for then, and gives 0 as the status of a program that ended with 2, in silence.
#   After `reset_sigchld()` it is so still; `signal.signal(SIGCHLD, SIG_DFL)` behind it ends it, and what gevent starts
#   later has its status all the same.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check gevent==26.9.0
cat > look.py <<'PYTHON'
import signal
import subprocess
import time

import gevent
from gevent import subprocess as gevents
from gevent.threadpool import ThreadPool


def status():
    ended = subprocess.Popen(["sh", "-c", "exit 2"])
    time.sleep(0.5)
    ThreadPool(1).apply(time.sleep, (0.1,))
    return ended.wait()


seen = {"before": status()}
gevents.call(["true"])
seen["gevent has started something"] = status()
gevent.get_hub().loop.reset_sigchld()
seen["and was told to reset"] = status()
gevents.call(["true"])
gevent.get_hub().loop.reset_sigchld()
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
seen["and the signal has nobody"] = status()
seen["gevent's own"] = gevents.call(["sh", "-c", "exit 3"])
print(seen)
assert [*seen.values()] == [2, 0, 0, 2, 3], "changed"
PYTHON
v/bin/python look.py
