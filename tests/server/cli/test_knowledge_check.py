"""`flask knowledge check`: what was read, and what was not."""

import pytest

TWO = {
    '[agents.site]\nname = "Site"\nwidget_key_wires = ["agents"]\nmodel = "builtin"\n'
    'tools = ["calculator", "clock", "knowledge"]\nknowledge = ["knowledge/*.md"]': '[agents.site]\nname = "Site"\n'
    'widget_key_wires = ["agents"]\nmodel = "builtin"\nknowledge = ["{folder}/*"]',
}


@pytest.fixture
def shop(tmp_path, configured):
    """A server whose agent `site` answers from the files of a folder, and that folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "help.md").write_text(
        "---\nlanguage: en\n---\n# Help\n\n## Parcels\n\nThree days.\n\n## Returns\n\nThirty.\n"
    )
    return configured(changes={old: new.format(folder=folder) for old, new in TWO.items()}), folder


def test_each_file_is_told_with_its_passages_its_language_and_its_title(shop) -> None:
    server, folder = shop
    (folder / "soon.md").write_text("---\ndraft: true\ntitle: Soon\n---\nNot yet.\n")
    ran = server.flask("knowledge", "check", "--agent", "site")
    assert ran.stdout.splitlines() == [
        f"{folder}/help.md\t2 passages\ten\tHelp",
        f"{folder}/soon.md\t0 passages\tdraft, left out\tSoon",
        "site: 2 files, 2 passages, 0 not read",
    ]
    assert ran.stderr == ""


def test_what_cannot_be_read_is_named_with_the_reason_and_the_rest_is_read(shop) -> None:
    server, folder = shop
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    (folder / "logo.png").write_bytes(b"\x89PNG")
    ran = server.flask("knowledge", "check", "--agent", "site", check=False)
    assert ran.returncode == 1
    broken, logo = ran.stderr.splitlines()
    assert broken == f"{folder}/broken.pdf: not read: it is damaged, or no PDF"
    assert logo.startswith(f"{folder}/logo.png: not read: files of this kind are not read; it is a picture")
    assert ran.stdout.splitlines()[-1] == "site: 1 file, 2 passages, 2 not read"


def test_the_files_of_all_agents_are_read_once(shop) -> None:
    server, _ = shop
    lines = server.flask("knowledge", "check").stdout.splitlines()
    files = [line for line in lines if "\t" in line]
    paths = [file.partition("\t")[0] for file in files]
    assert sorted({*paths}) == paths
    assert len(paths) > 5
    assert "site: 1 file, 2 passages, 0 not read" in lines
    assert any(line.startswith("open: ") for line in lines)


def test_an_agent_that_is_not_there_is_a_mistake_of_the_caller(shop) -> None:
    ran = shop[0].flask("knowledge", "check", "--agent", "nobody", check=False)
    assert (ran.returncode, ran.stderr.splitlines()[-1]) == (
        2,
        "Error: There is no agent 'nobody'; there are: open, frank, site.",
    )


def test_a_file_is_told_in_one_line_whatever_its_name_is(shop) -> None:
    server, folder = shop
    (folder / "opening\nhours.md").write_text("# Hours\n\nFrom nine to five.\n")
    (folder / "more\nhours.pdf").write_text("nothing")
    ran = server.flask("knowledge", "check", "--agent", "site", check=False)
    assert f"{folder}/opening hours.md\t1 passage" in ran.stdout
    assert ran.stderr.startswith(f"{folder}/more hours.pdf: not read: ")
