"""Changes places in app/ one at a time and looks whether the tests notice: `python tests/mutation/mutants.py --help`.

It works in a copy of the tree. For each mutant the tests of the file's own name run first, then those of its room, then
those whose lines, as `--record` once counted them, include the mutant's; the first failure ends it. What measures times
is left out, since a busy machine would fail it, and so are long random histories. Results are appended to a file, one
JSON object a line, and mutants that are in it already are left out: it may be stopped and go on.
"""

import argparse
import ast
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import coverage

ROOT = Path(__file__).parents[2]
LEFT_OUT = ("app/testing/", "app/store/migrations/")
ROOMS = {  # the tests that look at a room from outside
    "cli": ["server/cli"],
    "engine": ["unit/engine", "wires/test_every_wire.py", "wires/agents", "wires/workers"],
    "processes": ["unit/processes", "unit/workflows/templates", "server/test_own_tools.py"],
    "providers": ["unit/providers", "wires/test_upstream_failures.py", "wires/test_later_rounds.py"],
    "schemas": ["unit/schemas", "unit/settings", "server/test_openapi.py", "wires/test_bad_input.py"],
    "settings": [
        "unit/settings",
        "unit/test_configuration.py",
        "server/test_docs.py",
        "server/test_refusing_to_start.py",
    ],
    "site": ["server/test_site.py", "server/test_openapi.py", "browser"],
    "store": ["unit/store", "wires/agents", "wires/chats", "wires/things", "wires/widget", "server/cli"],
    "tools": ["unit/tools", "unit/settings", "wires/things/test_stuff_tool.py", "server/test_own_tools.py"],
    "web": [
        *("unit/web", "wires/test_bad_requests.py", "wires/test_bad_input.py", "wires/test_every_wire.py"),
        *(f"server/test_{name}.py" for name in ("limits", "origins", "openapi", "operations", "site")),
    ],
    "wires": [
        "unit/wires",
        "wires/test_every_wire.py",
        "wires/test_workflows_on_every_wire.py",
        "server/test_openapi.py",
    ],
    "workflows": [
        "unit/workflows",
        "wires/chats",
        "wires/test_workflows_on_every_wire.py",
        "server/test_workflow_files.py",
    ],
}
SECONDS = 300  # for the tests of one mutant; what takes longer hangs
RANDOM = ("test_agents_model", "test_chat_permissions", "test_things_and_workflows_permissions", "test_schemathesis")
FIXED = (
    "-x",
    "-q",
    "-p",
    "no:cacheprovider",
    "-m",
    "not timed and not alone",
    *(f"--ignore-glob=*/{each}.py" for each in RANDOM),
)
PAIRS = ((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn))
OPPOSITES = dict([*PAIRS, (ast.And, ast.Or), (ast.Add, ast.Sub)])
OPPOSITES |= {other: one for one, other in OPPOSITES.items()}


@dataclass(frozen=True)
class Mutant:
    """Line and columns as `ast` counts them: columns in bytes, the last line included."""

    file: str
    line: int
    column: int
    last_line: int
    last_column: int
    old: str
    new: str

    def write(self, tree: Path) -> None:
        lines = (tree / self.file).read_bytes().splitlines(keepends=True)
        before = b"".join(lines[: self.line - 1]) + lines[self.line - 1][: self.column]
        behind = lines[self.last_line - 1][self.last_column :] + b"".join(lines[self.last_line :])
        (tree / self.file).write_bytes(before + self.new.encode() + behind)


def mutants(file: str) -> Iterator[Mutant]:
    source = (ROOT / file).read_text()
    for node, new in changes(ast.parse(source)):
        old = ast.get_source_segment(source, node)
        if old and old != new:
            end = (node.end_lineno or 0, node.end_col_offset or 0)
            yield Mutant(file, node.lineno, node.col_offset, *end, old, new)


def changes(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Each node that can be changed, and the source that takes its place. Annotations and documentation stay."""
    yield from change(node)
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        for child in field if isinstance(field, list) else [field]:
            documentation = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.AST) and not documentation and not isinstance(node, ast.JoinedStr):
                yield from changes(child)


def change(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:  # noqa: C901 - a list of its kinds
    match node:
        case ast.Compare(left, [operator], [right]) if type(operator) in OPPOSITES:
            yield node, f"({ast.unparse(ast.Compare(left, [OPPOSITES[type(operator)]()], [right]))})"
        case ast.BoolOp(operator, values):
            yield node, f"({ast.unparse(ast.BoolOp(OPPOSITES[type(operator)](), values))})"
        case ast.BinOp(left, operator, right) if type(operator) in OPPOSITES:
            yield node, f"({ast.unparse(ast.BinOp(left, OPPOSITES[type(operator)](), right))})"
        case ast.UnaryOp(ast.Not(), operand):
            yield node, f"({ast.unparse(operand)})"
        case ast.If(test) | ast.While(test) | ast.IfExp(test) if not isinstance(
            test, ast.Compare | ast.UnaryOp | ast.BoolOp
        ):
            yield test, f"(not ({ast.unparse(test)}))"
        case ast.Constant(bool(value)):
            yield node, str(not value)
        case ast.Constant(int(value) | float(value)):
            yield node, repr(value + 1)
        case ast.Constant(str(value)) if value and " " not in value:
            yield node, repr(value + "x")
        case ast.Return(ast.expr() as value) if not isinstance(value, ast.Constant):
            yield node, "return None"
        case ast.Expr(ast.Call() | ast.Await()) | ast.AugAssign() | ast.Raise() | ast.Continue() | ast.Break():
            yield node, "pass"


def chosen(number: int, seed: int) -> list[Mutant]:
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "app").rglob("*.py"))
    everything = [mutant for file in files if not file.startswith(LEFT_OUT) for mutant in mutants(file)]
    return random.Random(seed).sample(everything, number)


def copied(to: Path) -> Path:
    if to.exists():
        shutil.rmtree(to)
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    (to / ".venv").symlink_to((ROOT / ".venv").resolve())
    return to


def test_files(tree: Path) -> list[str]:
    files = (path for path in (tree / "tests").rglob("test_*.py") if path.stem not in RANDOM)
    return sorted(str(path.relative_to(tree)) for path in files)


def named(file: str, tests: Sequence[str]) -> list[str]:
    """The tests of the file's own name, else of its folder's."""
    path = Path(file)
    own = [test for test in tests if Path(test).stem.startswith(f"test_{path.stem}")]
    mirrored = f"tests/{'server/cli' if path.parts[1] == 'cli' else 'unit/' + '/'.join(path.parts[1:-1])}/"
    beside = [test for test in tests if test.startswith((mirrored, f"tests/wires/{path.parent.name}/"))]
    return own or beside


def run(tree: Path, arguments: Sequence[str], seconds: float, **env: str) -> tuple[str, float]:
    """passed, failed or timed out; and how long it took."""
    command = [tree / ".venv/bin/python", *arguments]
    began = time.monotonic()
    with (tree.parent / f"{tree.name}.output").open("w") as output:
        process = subprocess.Popen(
            command, cwd=tree, env={**os.environ, **env}, stdout=output, stderr=output, start_new_session=True
        )
        try:
            status = {0: "passed", 5: "passed"}.get(process.wait(seconds), "failed")
        except subprocess.TimeoutExpired:
            status = "timed out"
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return status, time.monotonic() - began


def record(work: Path) -> None:
    """Which lines the tests of each file run, in the server's process too, and how long they take."""
    tree = copied(work / "tree")
    for test in test_files(tree):
        done = work / "lines" / f"{test.replace('/', '-')}.json"
        if done.exists():
            continue
        data = work / "coverage" / ".coverage"
        shutil.rmtree(data.parent, ignore_errors=True)
        data.parent.mkdir(parents=True)
        arguments = ["-m", "coverage", "run", "-m", "pytest", *FIXED[1:], test]
        _, seconds = run(tree, arguments, 900, COVERAGE_FILE=str(data))
        combined = coverage.Coverage(data_file=str(data), config_file=False)
        combined.combine([str(data.parent)])
        found = combined.get_data()
        lines = {file.partition("/tree/")[2]: sorted(found.lines(file) or ()) for file in found.measured_files()}
        done.parent.mkdir(exist_ok=True)
        done.write_text(json.dumps({"test": test, "seconds": seconds, "lines": lines}))


def covering(work: Path, mutant: Mutant) -> list[str]:
    """The files of tests that run the mutant's line, quick ones first."""
    known = [json.loads(path.read_text()) for path in (work / "lines").glob("*.json")]
    known = [each for each in known if mutant.line in each["lines"].get(mutant.file, ())]
    return [each["test"] for each in sorted(known, key=lambda each: each["seconds"])]


def judge(tree: Path, work: Path, mutant: Mutant) -> tuple[str, str, float]:
    """caught, timed out or survived; by which tests; and how long that took."""
    original = (tree / mutant.file).read_bytes()
    mutant.write(tree)
    own = named(mutant.file, test_files(tree))
    room = [f"tests/{name}" for name in ROOMS.get(Path(mutant.file).parts[1], ["server/test_operations.py"])]
    others = [test for test in covering(work, mutant) if not test.startswith((*own, *room))]
    took = 0.0
    try:
        for tests in filter(None, [own, room, others]):
            status, seconds = run(tree, ["-m", "pytest", *FIXED, *tests], SECONDS)
            took += seconds
            if status != "passed":
                return ("caught" if status == "failed" else status), " ".join(tests), took
        return "survived", "", took
    finally:
        (tree / mutant.file).write_bytes(original)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="a folder for the copy and the results")
    parser.add_argument("--record", action="store_true", help="count which lines the tests of each file run, and end")
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    work: Path = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if arguments.record:
        record(work)
        return
    tree, results = copied(work / "mutated"), work / "results.jsonl"
    before = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    done = {json.dumps(each["mutant"]) for each in before}
    counts = Counter(each["status"] for each in before)
    for mutant in chosen(arguments.number, arguments.seed):
        if json.dumps(asdict(mutant)) not in done:
            status, tests, seconds = judge(tree, work, mutant)
            counts[status] += 1
            with results.open("a") as file:
                told = {"status": status, "by": tests, "seconds": round(seconds, 1), "mutant": asdict(mutant)}
                file.write(json.dumps(told) + "\n")
            place = f"{mutant.file}:{mutant.line}"
            sys.stdout.write(f"{status:10} {seconds:5.0f} s {place}: {mutant.old!r} -> {mutant.new!r}\n")
            sys.stdout.flush()
    sys.stdout.write(", ".join(f"{count} {status}" for status, count in counts.items()) + "\n")


if __name__ == "__main__":
    main()
