"""Whoever knows a file of the application finds its tests by its name, or in the list of tests/README.md."""

import re
from pathlib import Path

from app.testing.server import ROOT

TESTS = ROOT / "tests"
ROW = re.compile(r"^\| `(app/\S+\.py)` \| `(tests/\S+\.py)` \|$", re.MULTILINE)
LISTED = dict(ROW.findall((TESTS / "README.md").read_text()))
ELSEWHERE = ("app/testing/", "app/store/migrations/")  # tests themselves; what test_schema.py applies


def has_tests(file: Path) -> bool:
    folder, name = file.parts[1:-1], file.stem
    if folder[:1] == ("wires",) and len(folder) > 1:
        return any((TESTS / "wires" / folder[1]).glob("test_*.py"))
    return any(TESTS.rglob(f"test_{name}*.py"))


def test_every_file_has_tests_of_its_name_or_stands_in_the_list() -> None:
    files = [path.relative_to(ROOT) for path in (ROOT / "app").rglob("*.py") if path.read_text().strip()]
    ours = [file for file in files if file.name != "__init__.py" and not str(file).startswith(ELSEWHERE)]
    assert len(ours) > 100
    assert [str(file) for file in ours if not has_tests(file) and str(file) not in LISTED] == []


def test_the_list_names_files_that_are_there() -> None:
    assert LISTED
    assert [name for row in LISTED.items() for name in row if not (ROOT / name).is_file()] == []


def test_the_list_names_no_file_that_has_tests_of_its_name() -> None:
    assert [file for file in LISTED if any(TESTS.rglob(f"test_{Path(file).stem}.py"))] == []
