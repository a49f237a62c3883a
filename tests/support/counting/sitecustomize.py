"""Counts what a worker does that costs, in a server that finds this on its path: into the file that COUNTS_IN names,
whenever the worker gets SIGRTMIN+1."""

import gc
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

counts: Counter[str] = Counter()


def note_statement(statement: str) -> None:
    counts[statement.split(None, 1)[0].lower()] += 1


def note_switch(_event: str, _greenlets: object) -> None:
    counts["switch"] += 1


def begin() -> None:
    import greenlet  # noqa: PLC0415 - on the path once the program runs
    from sqlalchemy import Pool, event  # noqa: PLC0415

    greenlet.settrace(note_switch)
    event.listen(Pool, "connect", lambda connection, _record: connection.set_trace_callback(note_statement))
    signal.signal(signal.SIGRTMIN + 1, tell)


def tell(*_: object) -> None:
    gc.collect()  # what only refers to itself is not kept
    counts["blocks"] = sys.getallocatedblocks()
    target = Path(os.environ["COUNTS_IN"])
    written = target.with_suffix(".new")
    written.write_text(json.dumps(counts))
    written.rename(target)


if "COUNTS_IN" in os.environ:
    os.register_at_fork(after_in_child=begin)
