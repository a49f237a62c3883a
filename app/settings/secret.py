"""The installation's own secret."""

import contextlib
import errno
import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings.place import Place

if TYPE_CHECKING:
    from app.settings.records import Settings

LEAST = 32  # characters: a file that was cut would be a secret that anybody guesses


def secret_of(settings: "Settings | Place") -> str:
    """The installation's secret: that of PARLANCE_SECRET_KEY, else the one in the home folder."""
    return settings.secret_key or secret_key(settings.home)


def secret_file(home: Path) -> Path:
    return home / "secret_key"


def secret_key(home: Path) -> str:
    """64 random characters, made on the first start and kept in `home`, readable by its owner only.

    Raises OSError, also where the file has fewer than LEAST."""
    path = secret_file(home)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        descriptor, draft = tempfile.mkstemp(dir=home)  # 0600; whole before it has its name, whoever is first
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    secret = path.read_text(encoding="ascii")
    if len(secret) < LEAST:
        reason = f"has fewer than {LEAST} characters: restore it from a backup, or remove it to have a new one made"
        raise OSError(errno.EINVAL, reason, str(path))
    return secret
