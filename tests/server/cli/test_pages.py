"""`flask knowledge add`, `list`, `remove` and `refresh`: a site on this machine, and what an agent knows of it then."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import time

import pytest
import requests
from support.site import answer, pdf, redirect, running_site
from support.storage import ALONE

from app.configuration import load_configuration
from app.settings.mistakes import SettingsError
from app.store.locks import try_lock
from app.testing.server import BIN, ROOT, Server, eventually


@pytest.fixture
def site():
    with running_site() as running:
        yield running


@pytest.fixture
def server(tmp_path, configured):
    return configured(env={"PARLANCE_HOME": str(tmp_path / "home")})


@pytest.fixture
def folder(tmp_path):
    """What is kept for the public agent."""
    return tmp_path / "home" / "knowledge" / "pages" / "open"


def add(server, site, *args: str, check: bool = True):
    return server.flask("knowledge", "add", "--pace", "0", "--private-host", site.host, *args, check=check)


def listed(server) -> list[list[str]]:
    return [line.split("\t") for line in server.flask("knowledge", "list").stdout.splitlines()]


def addresses(server) -> list[str]:
    return [row[2] for row in listed(server)]


def large_site(site) -> None:
    """300 pages in two sitemaps, ten PDF files among them, in a frame of menus and notices."""
    paths = [f"/tea/{number}" if number % 30 else f"/files/{number}.pdf" for number in range(300)]
    site.pages["/robots.txt"] = answer(f"Sitemap: {site.url}/sitemap_index.xml".encode(), "text/plain")
    site.sitemap("/sitemap_index.xml", "/one.xml", "/two.xml", index=True)
    site.sitemap("/one.xml", *paths[:150])
    site.sitemap("/two.xml", *paths[150:])
    site.html("/", "<h1>Our tea house</h1><p>Welcome.</p>")
    for number, path in enumerate(paths):
        if path.endswith(".pdf"):
            site.pages[path] = answer(pdf("Cover", f"Harvest report {number}: the rain was late."), "application/pdf")
        else:
            body = f"<h1>Tea {number}</h1><p>Free shipping from fifty euros.</p><p>Lot {number} was picked by hand.</p>"
            site.html(path, body, etag=f'"{number}"')
    site.html("/tea/77", "<h1>Gyokuro</h1><h2 id='brewing'>Brewing</h2><p>Gyokuro wants water of 50 degrees.</p>")


def test_a_site_that_was_added_with_one_command_is_what_the_agent_answers_from(site, tmp_path) -> None:
    large_site(site)
    with Server(tmp_path / "server") as server:
        key = server.key("widget", "site")

        def sources(question: str) -> list[str]:
            body = {"message": question, "sessionId": os.urandom(16).hex()}
            said = requests.post(f"{server.url}/v1/chat", json=body, headers={"x-api-key": key}, timeout=30).json()
            return [source.get("url", "") for source in said.get("sources", ())]

        ran = add(server, site, "--agent", "site", f"{site.url}/")
        assert ran.stdout == f"{site.url}/: 301 read\n"
        assert ran.stderr == ""
        brewing = f"{site.url}/tea/77#brewing"
        assert eventually(lambda: brewing in sources("How hot should the water for Gyokuro be?"), 30)
        assert eventually(lambda: f"{site.url}/files/90.pdf#page=2" in sources("What does harvest report 90 say?"))
        texts = [path.read_text() for path in (server.home / "instance" / "knowledge" / "pages" / "site").rglob("*.md")]
        assert len(texts) == 301
        assert sum("Free shipping" in text for text in texts) == 1
        assert not any("Imprint" in text for text in texts)

        site.html("/tea/77", "<h1>Gyokuro</h1><h2 id='new'>Brewing anew</h2><p>Gyokuro wants water of 55 degrees.</p>")
        ran = server.flask("knowledge", "refresh")
        assert ran.stdout == f"{site.url}/: 1 read, 300 unchanged\n"
        assert eventually(lambda: f"{site.url}/tea/77#new" in sources("How hot is the water for Gyokuro to be?"), 30)


def test_what_was_added_is_listed_with_source_address_time_size_and_title(site, server) -> None:
    site.html("/tea/", "<h1>Tea &amp; cups</h1><p>Two euros.</p><a href='green'>Green</a>")
    site.html("/tea/green", "<h1>Green\x1b[31m tea</h1><p>Three euros.</p>")
    add(server, site, f"{site.url}/tea/")
    rows = listed(server)
    assert [[row[0], row[1], row[2], row[5]] for row in rows] == [
        ["open", f"{site.url}/tea/", f"{site.url}/tea/", "Tea & cups"],
        ["open", f"{site.url}/tea/", f"{site.url}/tea/green", "Green [31m tea"],
    ]
    assert all(time.strptime(row[3], "%Y-%m-%d %H:%M") and row[4].endswith(" bytes") for row in rows)
    assert server.flask("knowledge", "list", "--agent", "site").stdout == ""


def test_what_is_left_out_is_told_on_standard_error_and_the_status_says_whether_anything_is_kept(site, server) -> None:
    site.html("/", "<p>Welcome.</p>")
    site.pages["/round"] = redirect("/round")
    ran = add(server, site, f"{site.url}/", f"{site.url}/round", f"{site.url}/gone")
    assert ran.stdout.splitlines() == [
        f"{site.url}/: 1 read, 2 left out",
        f"{site.url}/round: 1 left out",
        f"{site.url}/gone: 1 left out",
    ]
    assert f"{site.url}/round: redirects more than 5 times" in ran.stderr.splitlines()
    ran = add(server, site, f"{site.url}/gone", check=False)
    assert (ran.returncode, ran.stderr) == (1, f"{site.url}/gone: the server answers 404\n")
    assert server.flask("knowledge", "refresh").stdout == f"{site.url}/: 1 unchanged, 2 left out\n", (
        "nothing of the rest"
    )


def test_a_private_address_is_refused_unless_its_host_is_named(site, server) -> None:
    ran = server.flask("knowledge", "add", f"{site.url}/", check=False)
    assert ran.returncode == 1
    assert "127.0.0.1 has an address that may not be reached" in ran.stderr
    assert "--private-host" in ran.stderr
    assert site.asked == []
    for host, word in (("169.254.169.254", "metadata"), ("a b", "not a host")):
        ran = server.flask("knowledge", "add", "--private-host", host, f"http://{host}/", check=False)
        assert (ran.returncode, word in ran.stderr) == (2, True)


def test_files_and_folders_are_kept_as_they_are_and_read_again_where_they_have_changed(
    tmp_path, server, folder
) -> None:
    own = tmp_path / "own"
    (own / "more").mkdir(parents=True)
    (own / "faq.csv").write_text("question,answer\nWhen do you open?,At nine.\n")
    (own / "more" / "prices.pdf").write_bytes(pdf("Green tea costs two euros."))
    (own / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    (own / "logo.png").write_bytes(b"PNG")
    ran = server.flask("knowledge", "add", str(own))
    assert ran.stdout == f"{own}: 2 read, 1 left out\n"
    assert ran.stderr.startswith(f"{own}/broken.pdf: ")
    assert [row[2] for row in listed(server)] == [f"{own}/faq.csv", f"{own}/more/prices.pdf"]
    copies = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert sorted(path.name for path in copies) == ["faq.csv", "prices.pdf"]
    assert "2 files" in server.flask("agents", "check").stdout.splitlines()[0] or copies
    (own / "faq.csv").write_text("question,answer\nWhen do you open?,At ten.\n")
    (own / "more" / "prices.pdf").unlink()
    assert server.flask("knowledge", "refresh", str(own)).stdout == f"{own}: 1 read, 1 removed, 1 left out\n"
    assert [path.read_text() for path in folder.rglob("*.csv")] == ["question,answer\nWhen do you open?,At ten.\n"]
    assert [row[2] for row in listed(server)] == [f"{own}/faq.csv"]
    ran = server.flask("knowledge", "add", str(own / "broken.pdf"), check=False)
    assert ran.returncode == 1
    assert [path.name for path in folder.rglob("*.pdf")] == [], "what cannot be read is not there for the server"


def test_what_is_no_file_to_be_read_is_refused_by_name(tmp_path, server) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "large.txt").touch()
    os.truncate(tmp_path / "large.txt", 2_000_000_000)
    paths = ["/dev/zero", str(tmp_path / "pipe.md"), str(tmp_path / "large.txt")]
    ran = server.flask("knowledge", "add", *paths, check=False)
    assert ran.returncode == 1
    assert [line.split(": ")[0] for line in ran.stderr.splitlines()] == paths
    assert addresses(server) == []


def test_a_file_that_was_added_may_go(tmp_path, server) -> None:
    note = tmp_path / "note.md"
    note.write_text("# Note\n\nWe open at nine.\n")
    server.flask("knowledge", "add", str(note))
    note.unlink()
    ran = server.flask("knowledge", "refresh", check=False)
    assert "note.md: it cannot be opened" in ran.stderr
    assert addresses(server) == [str(note)], "the copy stays until it is removed"
    assert server.flask("knowledge", "remove", str(note)).stdout == f"{note}\n"
    assert addresses(server) == []


def test_what_is_removed_is_gone_and_stays_away(site, server, folder) -> None:
    site.html("/", "<p>Welcome.</p><a href='/blog/1'>1</a><a href='/blog/2'>2</a>")
    for number in (1, 2):
        site.html(f"/blog/{number}", f"<p>Entry {number}.</p>")
    site.html("/a", "<p>Alpha.</p>")
    add(server, site, f"{site.url}/")
    ran = server.flask("knowledge", "remove", f"{site.url}/blog/")
    assert ran.stdout.splitlines() == [f"{site.url}/blog/1", f"{site.url}/blog/2"]
    server.flask("knowledge", "refresh")
    assert addresses(server) == [f"{site.url}/", f"{site.url}/a"]
    ran = server.flask("knowledge", "remove", f"{site.url}/blo", check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    server.flask("knowledge", "remove", f"{site.url}")
    assert addresses(server) == []
    assert list(folder.rglob("*.md")) == []
    ran = server.flask("knowledge", "refresh", check=False)
    assert (ran.returncode, "Nothing of that was added" in ran.stderr) == (1, True)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["nothing-here.pdf"], "There is no file nothing-here.pdf."),
        (["shop.example"], "There is no file shop.example. The address of a page begins with https://"),
        (["ftp://shop.example/"], "is no address of a page"),
        (["https://user:pass@shop.example/"], "is no address of a page"),
        (["--agent", "nobody", "https://shop.example/"], "There is no agent 'nobody'"),
        (["--pages", "0", "https://shop.example/"], "--pages"),
        ([], "Missing argument"),
    ],
)
def test_mistakes_of_the_caller_are_told(server, args, told) -> None:
    ran = server.flask("knowledge", "add", *args, check=False)
    assert (ran.returncode, told in ran.stderr.replace("\n", " ")) == (2, True), ran.stderr


def test_where_no_agent_is_public_one_is_named(configured, tmp_path) -> None:
    server = configured(changes={"public = true\n": ""}, env={"PARLANCE_HOME": str(tmp_path / "home")})
    ran = server.flask("knowledge", "add", "https://shop.example/", check=False)
    assert (ran.returncode, "--agent: open, frank, site" in ran.stderr) == (2, True)


def test_one_command_at_a_time_changes_an_agent_s_pages(site, server, folder) -> None:
    site.html("/", "<p>Welcome.</p>")
    folder.mkdir(parents=True)
    lock = try_lock(folder / ".lock")
    try:
        for command in (("add", f"{site.url}/"), ("remove", f"{site.url}/")):
            ran = server.flask("knowledge", *command, check=False)
            assert (ran.returncode, "Another command changes the pages of 'open'" in ran.stderr) == (1, True)
    finally:
        os.close(lock)
    add(server, site, f"{site.url}/")


def test_a_home_that_cannot_be_written_is_told_in_one_line(site, server, folder) -> None:
    site.html("/", "<p>Welcome.</p>")
    folder.parent.mkdir(parents=True)
    folder.write_text("no folder")
    ran = add(server, site, f"{site.url}/", check=False)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)
    assert str(folder) in ran.stderr


def test_a_damaged_list_of_sources_is_named(site, server, folder) -> None:
    folder.mkdir(parents=True)
    (folder / ".sources.json").write_text("{")
    for command in (("list",), ("refresh",), ("add", f"{site.url}/")):
        ran = server.flask("knowledge", *command, check=False)
        assert (ran.returncode, ".sources.json is damaged" in ran.stderr) == (1, True)


# What a shell starts in its background ignores interrupts, and so do its children.
HEEDING = ("env", "--default-signal=INT")


def test_who_interrupts_keeps_what_was_read_and_the_next_run_goes_on(site, server) -> None:
    for number in range(40):
        site.html(
            f"/{number or ''}", f"<p>Page {number}.</p><a href='/{number + 1}'>Next</a><a href='/{number + 2}'>N</a>"
        )
    command = ["knowledge", "add", "--pace", "0.2", "--depth", "100", "--private-host", site.host, f"{site.url}/"]
    with subprocess.Popen(
        [*HEEDING, BIN / "flask", *command],
        cwd=ROOT,
        env=server.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        eventually(lambda: len(site.asked) > 6, 60)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert " read" in out
    assert "not all was read: it was interrupted; " in err
    assert "Traceback" not in err
    assert "KeyboardInterrupt" not in err
    kept = len(addresses(server))
    assert 2 <= kept < 40
    add(server, site, "--depth", "100", f"{site.url}/")
    assert len(addresses(server)) == 40


def test_on_a_terminal_a_bar_shows_how_far_it_is(site, server) -> None:
    site.html("/", "<p>Welcome.</p>")
    site.html("/a", "<p>Alpha.</p>")
    ours, theirs = pty.openpty()
    command = [BIN / "flask", "knowledge", "add", "--pace", "0", "--private-host", site.host, f"{site.url}/"]
    with subprocess.Popen(command, cwd=ROOT, env=server.env, stdout=theirs, stderr=theirs):
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # of a terminal that nobody else has any more
            while piece := os.read(ours, 4096):
                shown += piece
    os.close(ours)
    bars = re.findall(rb"\r\x1b\[K\[(#* *)\] (\d+)/(\d+) (\S+)", shown)
    assert {url.decode() for *_, url in bars} == {
        f"{site.url}/",
        f"{site.url}/sitemap.xml",
        f"{site.url}/a",
        f"{site.url}/b",
    }
    assert all(len(bar) == 20 and int(done) <= int(all_of_them) for bar, done, all_of_them, _ in bars)
    assert shown.decode().endswith(f"{site.url}/b: the server answers 404\r\n{site.url}/: 2 read, 1 left out\r\n")


@pytest.mark.mounts
def test_a_disk_that_is_full_is_told_and_nothing_half_written_stays(site, server, tmp_path) -> None:
    for number in range(30):
        site.html(f"/{number or ''}", f"<p>{f'Page {number}. ' * 20_000}</p><a href='/{number + 1}'>Next</a>")
    folder = tmp_path / "home"
    folder.mkdir()
    flask = f"{BIN}/flask knowledge add --pace 0 --private-host {site.host} {site.url}/"
    script = f"mount -t tmpfs -o size=1m none {folder} && {flask}; echo $?; find {folder} -name '.*.part'; ls {folder}"
    ran = subprocess.run(
        [*ALONE, "sh", "-c", script],
        cwd=ROOT, env=server.env, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "No space left on device" in ran.stderr, ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout.splitlines() == ["1", "knowledge"] or ran.stdout.startswith("1\n"), ran.stdout
    assert ".part" not in ran.stdout


@pytest.mark.parametrize("command", [["list"], ["check"], ["ask", "tea"], ["refresh"]], ids=lambda command: command[0])
def test_a_reader_of_the_output_that_goes_is_no_error(server, tmp_path, command) -> None:
    """As in `flask knowledge list | head`."""
    (tmp_path / "tea.md").write_text("# Tea\n\nGreen tea from Uji.\n")
    server.flask("knowledge", "add", str(tmp_path / "tea.md"))
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(
        [BIN / "flask", "knowledge", *command],
        cwd=ROOT, env=server.env, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
    )  # fmt: skip
    os.close(writer)
    assert ran.stderr == ""


def test_an_agent_whose_pattern_matches_nothing_yet_is_no_mistake_where_it_has_pages(server, folder) -> None:
    config = server.home / "parlance.toml"
    config.write_text(config.read_text().replace("knowledge/*.md", "shop/*.md"))
    with pytest.raises(SettingsError, match=r"No file matches 'shop/\*\.md'"):
        load_configuration(server.env)
    folder.mkdir(parents=True)
    (folder / "tea.md").write_text("# Tea\n")
    with pytest.raises(SettingsError) as refused:
        load_configuration(server.env)
    assert [problem.split(": ")[1] for problem in refused.value.problems] == ["agents.site.knowledge"], "the other one"
