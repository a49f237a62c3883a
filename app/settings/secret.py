"""The installation's own secret."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from app.settings.records import Settings


def secret_of(settings: Settings) -> str:
    """The installation's secret: that of PARLANCE_SECRET_KEY, else the one in the home folder."""
    return settings.secret_key or secret_key(settings.home)


def secret_file(home: Path) -> Path:
    return home / "secret_key"


def secret_key(home: Path) -> str:
    """64 random characters, made on the first start and kept in `home`, readable by its owner only."""
    path = secret_file(home)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        descriptor, draft = tempfile.mkstemp(dir=home)  # 0600; whole before it has its name, whoever is first
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path.read_text(encoding="ascii")
