"""A database on a file system that can only be read, and then written again."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.database import ask, new_database, new_store
from support.storage import ALONE

BEGINNING = """
import subprocess, sys, time
import gevent
from app.engine.errors import StoreError
from app.store.database import Database
from app.store.readiness import FRESH_SECONDS, Readiness

folder = sys.argv[1]
database = Database(f"sqlite:///{folder}/parlance.db")
readiness = Readiness(database)


def read():
    return database.read(lambda c: c.exec_driver_sql("SELECT id FROM messages").scalars().all())


def write():
    try:
        database.write(lambda c: c.exec_driver_sql("UPDATE messages SET feedback = 'x'"))
    except StoreError as error:
        return error.reason
    return "written"


"""
ONE_BY_ONE = """
print(read(), write(), read(), write(), readiness.problem())
subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
time.sleep(FRESH_SECONDS)
print(readiness.problem(), write(), read())
"""
OVERLAPPING = """
begun = []


def read_slowly(connection):
    connection.exec_driver_sql("SELECT id FROM messages").all()
    begun.append(True)
    time.sleep(1)


reader = gevent.spawn(database.read, read_slowly)
while not begun:
    gevent.sleep(0.01)
subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
others = [gevent.spawn(database.read, lambda c: time.sleep(0.1)) for _ in range(3)]
gevent.joinall([reader, *others])
written = []
while written[-1:] != ["written"] and len(written) < 40:
    written.append(write())
    read()
    gevent.sleep(0.05)
print(written[-1], read())
"""
SCRIPT = 'mount -t tmpfs none "$1" && cp "$2"/* "$1" && mount -o remount,ro "$1" && exec "$3" -c "$4" "$1"'


def run(tmp_path: Path, program: str) -> str:
    """What the program prints, on a file system that can only be read when it begins."""
    prepared, mounted = tmp_path / "prepared", tmp_path / "mounted"
    prepared.mkdir()
    mounted.mkdir()
    database = new_database(prepared)  # open to the end: a log that nobody has open is gone
    ask(new_store(database), q1="x")
    shutil.rmtree(prepared / "workers")
    ran = subprocess.run(
        [*ALONE, "sh", "-c", SCRIPT, "sh", mounted, prepared, sys.executable, BEGINNING + program],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


pytestmark = pytest.mark.mounts


def test_what_is_there_is_read_what_is_written_refused_until_the_file_system_takes_it(tmp_path) -> None:
    before, after = run(tmp_path, ONE_BY_ONE).splitlines()
    assert before == "['q1'] read-only ['q1'] read-only read-only"
    assert after == "None written ['q1']"


def test_readers_who_begin_while_an_earlier_one_still_reads_do_not_keep_it_read_only(tmp_path) -> None:
    assert run(tmp_path, OVERLAPPING) == "written ['q1']\n"
