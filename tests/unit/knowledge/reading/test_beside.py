"""Files are read in a process beside: one after the other, whatever becomes of it."""

import io
import os
import signal
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from docx import Document as Word
from support.processes import lives

from app.knowledge.documents import Document, Section, UnreadableError
from app.knowledge.reading.beside import Reader, documents
from app.knowledge.reading.endings import FORMATS
from app.knowledge.reading.formats import READERS
from app.testing.server import eventually


def test_each_file_comes_with_its_document_or_the_reason_why_there_is_none(tmp_path) -> None:
    text = "---\nurl: https://tea.example/a\nlanguage: en\n---\n# Teas\n\n## Green {#green}\n\nSencha.\n"
    (tmp_path / "a.md").write_text(text)
    (tmp_path / "b.md").write_bytes(bytes(range(256)))
    (tmp_path / "c.txt").write_text("Open daily.")
    paths = [str(tmp_path / name) for name in ("a.md", "b.md", "none.md", "c.txt")]
    first, second, third, fourth = documents(paths)
    teas = Document("Teas", (Section(("Green",), "Sencha.", "#green"),), "https://tea.example/a", "en")
    assert first == (paths[0], teas)
    assert isinstance(second[1], UnreadableError)
    assert str(second[1]) == "it is no text: it holds binary data"
    assert str(third[1]) == "it cannot be opened: No such file or directory"
    assert fourth == (paths[3], Document("c.txt", (Section((), "Open daily."),)))


def test_a_name_that_is_no_text_is_one_of_a_file_all_the_same(tmp_path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    Path(os.fsdecode(path)).write_text("Open daily.")
    ((_, document),) = documents([os.fsdecode(path)])
    assert isinstance(document, Document)
    assert document.title == "caf\ufffd.txt"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "prices.xlsx",
            "files of this kind are not read; save it as CSV: questions in one column, answers in the next",
        ),
        ("OLD.DOC", "files of this kind are not read; save it as DOCX or PDF"),
        ("logo.png", "files of this kind are not read; it is a picture"),
        (
            "program",
            "files of this kind are not read (known are .md, .markdown, .txt, .html, .htm, .xhtml, .pdf, .docx, ",
        ),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_to_do(tmp_path, name, why) -> None:
    (tmp_path / name).write_text("# Text as in Markdown")
    ((_, refused),) = documents([str(tmp_path / name)])
    assert str(refused).startswith(why)


def test_each_format_has_a_reader_and_each_reader_a_format() -> None:
    assert {*FORMATS.values()} == {*READERS}


@pytest.fixture
def reader() -> Iterator[Reader]:
    with closing(Reader()) as made:
        yield made


def child() -> int:
    """The process that reads: the youngest of its kind, since other tests may have left some."""
    children = [
        int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()
    ]
    reads = [pid for pid in children if b"reading.process_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return max(reads, key=lambda pid: int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]))


def interrupted(reader: Reader, path: Path, interrupt: Callable[[int], object]) -> str:
    """What is said of the file where this happens to the process while it reads."""
    pid = child()
    threading.Timer(0.3, interrupt, [pid]).start()
    with pytest.raises(UnreadableError) as refused:
        reader.read(str(path))
    eventually(lambda: not lives(pid))
    return str(refused.value)


@pytest.fixture
def slow(tmp_path) -> Path:
    """A file that takes some seconds."""
    (tmp_path / "slow.txt").write_text("word\n\n" * 8_000_000)
    (tmp_path / "fast.txt").write_text("Open daily.")
    return tmp_path / "slow.txt"


def test_a_process_that_dies_of_a_file_is_replaced_for_the_next(reader, slow) -> None:
    fast = str(slow.with_name("fast.txt"))
    assert reader.read(fast).sections
    assert interrupted(reader, slow, lambda pid: os.kill(pid, signal.SIGSEGV)).startswith(
        "the process that read it ended"
    )
    assert reader.read(fast).sections


def test_a_file_that_takes_too_long_is_given_up(slow) -> None:
    fast = str(slow.with_name("fast.txt"))
    with closing(Reader(seconds=5)) as reader:
        assert reader.read(fast).sections
        told = interrupted(reader, slow, lambda pid: os.kill(pid, signal.SIGSTOP))
        assert told == "reading it takes longer than 5 seconds"
        assert reader.read(fast).sections


def test_the_process_ends_with_the_reader_and_knows_nothing_of_the_servers_environment(slow, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with closing(Reader()) as reader:
        assert reader.read(str(slow.with_name("fast.txt"))).sections
        pid = child()
        assert b"sk-secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    eventually(lambda: not lives(pid))


def laughing() -> bytes:
    """A DOCX whose text would be 10 ** 12 times as long as its file says."""
    word, out = io.BytesIO(), io.BytesIO()
    Word().save(word)
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 13))
    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    text = (
        f'<!DOCTYPE x [<!ENTITY e0 "ha">{entities}]><w:document {names}><w:body><w:p><w:r><w:t>&e12;</w:t></w:r></w:p>'
    )
    with zipfile.ZipFile(word) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, f"{text}</w:body></w:document>" if name == "word/document.xml" else old.read(name))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("laughs.docx", laughing),
        ("nested.html", lambda: b"<div><b>" * 5_000 + b"x"),
        ("quotes.md", lambda: b"> " * 100_000 + b"x"),
        ("brackets.md", lambda: b"[" * 500_000 + b"](" * 100_000),
        ("alias.md", lambda: b"---\na: &a [*a, *a]\n---\nx"),
        ("columns.csv", lambda: b'a,"' * 500_000),
        ("spans.html", lambda: b"<table>" + b"<tr><td rowspan=9999 colspan=9999>x" * 5000),
        (
            "objects.pdf",
            lambda: b"%PDF-1.7\n" + b"1 0 obj<</Type/Pages/Kids[1 0 R]>>endobj\n" * 10_000 + b"trailer<</Root 1 0 R>>",
        ),
    ],
)
def test_what_is_made_to_do_harm_is_read_or_refused_within_bounds(reader, tmp_path, name, data) -> None:
    (tmp_path / name).write_bytes(data())
    (tmp_path / "after.txt").write_text("Open daily.")
    begun = time.process_time()
    with suppress(UnreadableError):
        reader.read(str(tmp_path / name))
    assert time.process_time() - begun < 5, "the one who waits computes nothing"
    assert reader.read(str(tmp_path / "after.txt")).sections
