"""Files are read in a process beside: one after the other, whatever becomes of it."""

from app.knowledge.documents import Document, Section, UnreadableError
from app.knowledge.reading.beside import documents


def test_each_file_comes_with_its_document_or_the_reason_why_there_is_none(tmp_path) -> None:
    (tmp_path / "a.md").write_text(
        "---\nurl: https://tea.example/a\nlanguage: en\n---\n# Teas\n\n## Green {#green}\n\nSencha.\n"
    )
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
