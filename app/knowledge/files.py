"""The files of knowledge."""

import glob
from pathlib import Path


def matching_files(patterns: tuple[str, ...]) -> list[str]:
    """The paths of all files that match one of the glob patterns, sorted, each once."""
    paths = {path for pattern in patterns for path in glob.glob(pattern, recursive=True)}  # noqa: PTH207
    return sorted(path for path in paths if Path(path).is_file())


def pages_folder(home: Path, agent_id: str) -> Path:
    """Where `flask knowledge add` keeps the pages that it has read for the agent, as Markdown: in the home folder."""
    return home / "knowledge" / "pages" / agent_id


def pages_pattern(home: Path, agent_id: str) -> str:
    """The pattern of these pages' files."""
    return f"{glob.escape(str(pages_folder(home, agent_id)))}/**/*.md"
