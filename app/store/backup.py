"""Whole copies of what a server keeps: its database in the state of one moment, and the installation's secret, as one
tar file. A copy is made while others read and write."""

import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from app.store.database import make_engine
from app.store.faults import DAMAGED, NEWER_VERSION, known_errors
from app.store.schema import version_problem

DATABASE, SECRET = "parlance.db", "secret_key"
_LONGEST_SECRET = 1000  # bytes


class BackupError(Exception):
    """Why there is no backup, or none that can be restored; may be shown to the operator."""


def write_backup(database: Path, secret: str, target: Path) -> None:
    """Make the file, readable by its owner only. It has its name once it is whole, checked and on the disk.

    Needs room for the database twice, in the target's folder. Raises BackupError, StoreError and OSError.
    """
    if target.exists():
        raise BackupError(f"{target} exists already.")
    with tempfile.TemporaryDirectory(prefix=".parlance-backup-", dir=target.parent) as folder:
        copy, draft, written = (Path(folder) / name for name in (DATABASE, "draft", SECRET))
        written.write_text(secret, encoding="ascii")  # others may not enter the folder
        _copy(database, copy)
        _check(copy)
        with draft.open("xb") as file:
            draft.chmod(0o600)
            with tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(copy, DATABASE, filter=_of_nobody)
                archive.add(written, SECRET, filter=_of_nobody)
            file.flush()
            os.fsync(file.fileno())
        _name(draft, target)


def read_backup(source: Path, database: Path, secret: Path) -> None:
    """Put the backup's database and secret in their places. Neither may be there but the secret, which is replaced.

    Where root does it, both belong to the owner of the database's folder. Raises BackupError and OSError; nothing has
    been changed then, unless the disk fails in between.
    """
    for each in (database, Path(f"{database}-wal"), Path(f"{database}-shm")):
        if each.exists():
            raise BackupError(f"{each} is there: move it away, with what else of the old database is beside it.")
    for folder in (database.parent, secret.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _drafts(database, secret) as (new_database, new_secret):
        _extract(source, new_database, new_secret)
        _check(new_database)
        _check_version(new_database)
        new_secret.replace(secret)
        new_database.replace(database)
        for folder in {database.parent, secret.parent}:
            _sync(folder)


def _copy(database: Path, copy: Path) -> None:
    """In one step, so that it is the state of one moment, and never begins anew however much is written meanwhile."""
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL, 0o600))
    with closing(_connect(database)) as live, closing(sqlite3.connect(copy)) as made:
        with known_errors():
            live.execute("SELECT count(*) FROM sqlite_master")
        try:
            live.backup(made)
        except sqlite3.Error as error:
            raise BackupError(f"The copy cannot be made: {error}") from error


def _connect(database: Path) -> sqlite3.Connection:
    """Raises StoreError where there is no such file."""
    with known_errors():
        return sqlite3.connect(f"file:{quote(str(database))}?mode=rw", uri=True)


def _check(copy: Path) -> None:
    try:
        with closing(sqlite3.connect(copy)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise BackupError(f"The database in it is {DAMAGED}: {' '.join(found.split())[:200]}")


def _check_version(copy: Path) -> None:
    with make_engine(f"sqlite:///{copy}").connect() as connection:
        if version_problem(connection) == NEWER_VERSION:
            raise BackupError(f"The database in it is {NEWER_VERSION}.")


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _name(draft: Path, target: Path) -> None:
    """Raises BackupError where something has the name already."""
    try:
        target.hardlink_to(draft)
    except FileExistsError as error:
        raise BackupError(f"{target} exists already.") from error
    except OSError:  # file systems of other systems know no hard links
        if target.exists():
            raise BackupError(f"{target} exists already.") from None
        draft.rename(target)
    _sync(target.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems have no such thing
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _drafts(*places: Path) -> Iterator[list[Path]]:
    """An empty file beside each of the places, for their owner only, which is gone afterwards if it is still there."""
    drafts: list[Path] = []
    try:
        for place in places:
            descriptor, name = tempfile.mkstemp(prefix=f".{place.name}-", dir=place.parent)
            os.close(descriptor)
            drafts.append(Path(name))
            if os.geteuid() == 0:
                owner = place.parent.stat()
                os.chown(name, owner.st_uid, owner.st_gid)
        yield drafts
    finally:
        for draft in drafts:
            for end in ("", "-wal", "-shm"):
                Path(f"{draft}{end}").unlink(missing_ok=True)


def _extract(source: Path, database: Path, secret: Path) -> None:
    try:
        with tarfile.open(source, "r:") as archive:
            members = {member.name: member for member in archive}
            if set(members) != {DATABASE, SECRET} or not all(member.isreg() for member in members.values()):
                raise BackupError(f"{source} is no backup that `flask backup` has made.")
            if members[SECRET].size > _LONGEST_SECRET:
                raise BackupError("The secret in it is none.")
            for name, target in ((DATABASE, database), (SECRET, secret)):
                content = archive.extractfile(members[name])
                assert content, "it is a regular file"
                with target.open("wb") as file:
                    while piece := content.read(2**20):
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
    except tarfile.TarError as error:
        raise BackupError(f"{source} is no backup, or not a whole one: {error}") from error
