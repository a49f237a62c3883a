"""A database on a file system that can only be read, and then written again."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.database import ask, new_database, new_store
from support.storage import ALONE, may_mount

PROGRAM = """
import subprocess, sys, time
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


print(read(), write(), read(), write(), readiness.problem())
subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
time.sleep(FRESH_SECONDS)
print(readiness.problem(), write(), read())
"""
SCRIPT = 'mount -t tmpfs none "$1" && cp "$2"/* "$1" && mount -o remount,ro "$1" && exec "$3" -c "$4" "$1"'


@pytest.mark.skipif(not may_mount(), reason="unshare --mount is not permitted here")
def test_what_is_there_is_read_what_is_written_refused_until_the_file_system_takes_it(tmp_path) -> None:
    prepared, mounted = tmp_path / "prepared", tmp_path / "mounted"
    prepared.mkdir()
    mounted.mkdir()
    ask(new_store(new_database(prepared)), q1="x")
    shutil.rmtree(prepared / "workers")
    ran = subprocess.run(
        [*ALONE, "sh", "-c", SCRIPT, "sh", mounted, prepared, sys.executable, PROGRAM],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    before, after = ran.stdout.splitlines()
    assert before == "['q1'] read-only ['q1'] read-only read-only"
    assert after == "None written ['q1']"
