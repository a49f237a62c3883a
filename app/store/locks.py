"""Locks that last as long as their process: the kernel releases them however it ends."""

import fcntl
import os
from pathlib import Path


def try_lock(path: Path) -> int | None:
    """The descriptor of the file, locked (flock) until it and its copies in forked processes are closed; None where
    another process holds the lock. Makes the file where there is none, readable by its owner only. Raises OSError.

    Programs that this process starts do not inherit the descriptor.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass  # who had the lock has removed the file, as below
        os.close(descriptor)
