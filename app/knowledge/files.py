"""The files of knowledge."""

import glob
from pathlib import Path


def matching_files(patterns: tuple[str, ...]) -> list[str]:
    """The paths of all files that match one of the glob patterns, sorted, each once."""
    paths = {path for pattern in patterns for path in glob.glob(pattern, recursive=True)}  # noqa: PTH207
    return sorted(path for path in paths if Path(path).is_file())
