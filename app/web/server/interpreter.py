"""Which CPython serves: built without its optimisations it takes longer for everything (docs/performance.md)."""

import sysconfig
from collections.abc import Mapping
from typing import Any


def why_slow(built: Mapping[str, Any] | None = None) -> str | None:
    """What is told at the start where this CPython was built without profile-guided optimisation; None where it was
    built with it, or does not say. `built`: sysconfig's variables."""
    known = built or sysconfig.get_config_vars()
    asked_for = "--enable-optimizations" in (known.get("CONFIG_ARGS") or "")
    # Debian's names no such option, and has the flag empty (python3.11 3.11.2-6+deb12u6); it was faster when measured.
    if asked_for or not known.get("PGO_PROF_USE_FLAG"):
        return None
    return "this Python was built without --enable-optimizations: one built with it takes less time for each answer"
