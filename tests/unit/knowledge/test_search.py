"""Search in Markdown files: what is found, from where, and what no query may do."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import gevent
import pytest
from support.embeddings import EmbeddingServer
from support.passing import first_file_killed, make_due

from app.engine.agent import Agent, ToolContext
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.making import build
from app.knowledge.files import matching_files
from app.knowledge.passages import MOST_CHARACTERS
from app.knowledge.search import MOST_PASSAGES, SECONDS, KnowledgeSearch
from app.testing.model_server import whole
from app.tools.builtin.knowledge import tool

SHOP = """Everything about the shop.

# The shop #

## Opening hours

We are open from nine to five, on **every** weekday.
See [the calendar](https://example.com/calendar) for holidays.

## Delivery

Parcels are delivered within three days.

```
curl https://example.com/parcels
```

## Empty

### Returns

Return a parcel within thirty days. Refunds for returned parcels are paid at once.
"""


@pytest.fixture
def search(tmp_path):
    """Index what is there, and ask the tool as a model would; the passages, best first."""

    def ask(query: str, *patterns: str):
        folder = tuple(str(tmp_path / pattern) for pattern in patterns or ("*.md",))
        agent = Agent("demo", "Demo", ("m",), knowledge=folder)
        build(IndexFolder(tmp_path / "home"), folder)  # in this process: to start one takes a while
        with closing(KnowledgeSearch(tmp_path / "home")) as search:
            knowledge = tool(search.search)
            found = knowledge.call(ToolContext(agent), knowledge.arguments().load({"query": query}))["passages"]
        return [passage for passage in found if passage["confident"]]

    return ask


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "shop.md").write_text(SHOP)
    return tmp_path / "shop.md"


@pytest.mark.usefixtures("shop")
def test_a_passage_is_a_section_with_its_source_its_title_and_its_text(search) -> None:
    assert search("opening hours") == [
        {
            "source": "The shop",
            "title": "Opening hours",
            "text": "We are open from nine to five, on **every** weekday. "
            "See [the calendar](https://example.com/calendar) for holidays.",
            "url": "",
            "confident": True,
        }
    ]


@pytest.mark.usefixtures("shop")
def test_what_stands_before_the_first_heading_has_the_documents_title(search) -> None:
    (passage,) = search("everything")
    assert (passage["title"], passage["text"]) == ("The shop", "Everything about the shop.")


@pytest.mark.usefixtures("shop")
def test_what_fences_hold_is_found(search) -> None:
    (passage,) = search("curl")
    assert passage["text"].splitlines()[-2:] == ["curl https://example.com/parcels", "```"]


def test_a_comment_in_a_code_block_is_no_heading(search, tmp_path) -> None:
    (tmp_path / "setup.md").write_text("# Setup\n\nFirst:\n\n```sh\n# fetch the sources\ngit clone x\n```\n\nDone.\n")
    (passage,) = search("clone")
    assert passage["title"] == "Setup"
    assert passage["text"].startswith("First:")
    assert passage["text"].endswith("Done.")


def test_a_long_section_is_cut(search, tmp_path) -> None:
    (tmp_path / "long.md").write_text("# Long\n\n" + "word " * 1000)
    found = search("word")
    assert len(found) == MOST_PASSAGES
    assert all(MOST_CHARACTERS // 3 < len(passage["text"]) <= MOST_CHARACTERS for passage in found)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("When are you open?", "Opening hours"),
        ("OPENING", "Opening hours"),
        ("holiday", "Opening hours"),
        ("delivery", "Delivery"),
        ("deliveries of parcels", "Delivery"),
        ("how do I return parcels", "Empty > Returns"),
        ("refund", "Empty > Returns"),
    ],
)
def test_words_are_found_in_any_form_and_the_best_passage_comes_first(search, query, title) -> None:
    assert search(query)[0]["title"] == title


def test_a_word_in_the_title_counts_more_than_one_in_the_text(search, tmp_path) -> None:
    (tmp_path / "a.md").write_text(
        "# Bicycles\n\nMany kinds.\n\n# Cars\n\nFaster than bicycles, bicycles and bicycles.\n"
    )
    assert [passage["title"] for passage in search("bicycles")] == ["Bicycles", "Cars"]


def test_no_more_than_the_best_few_passages_come_back(search, tmp_path) -> None:
    (tmp_path / "many.md").write_text("\n".join(f"# Apples {n}\n\nApples.\n" for n in range(5)))
    assert len(search("apples")) == MOST_PASSAGES


@pytest.mark.parametrize(
    ("query", "title"),
    [("cafe", "Café"), ("CAFÉ", "Café"), ("kaffee fur alle", "Café"), ("东京", "日本")],
)
def test_accents_and_other_scripts_are_found(search, tmp_path, query, title) -> None:
    world = "# Café\n\nKaffee für alle.\n\n# 日本\n\n东京 首都\n"
    (tmp_path / "world.md").write_text(world, encoding="utf-8")
    assert search(query)[0]["title"] == title


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("query", ["submarine", "submarines in the shop of whales", "the and of", "who are you?"])
def test_nothing_is_found_where_too_few_of_the_words_occur(search, query) -> None:
    assert search(query) == []


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    "query",
    [
        *('"', '""', '"open', 'open"', '" OR "', "'", "open' --", "\\", "*", "open*", "^open", "-open", "+open"),
        *("NEAR", "NEAR(open five)", "AND", "OR", "NOT", "open AND NOT five", "title:open", "{title text}:open"),
        *("(", ")", "(open", "passages", "rowid", "%", "_", "__ __", "open_hours", ";", "?", "!?.,", " ", "\n\t"),
        *("\x00", "open\x00five", "\ud800", "\U0001f600", "²³", "\u0301", "e\u0301", "\u202e", "x" * 1000, "x " * 500),
        *(" ".join(str(number) for number in range(270)), "open " * 200, "ß", "İ", "ﬁ", "١٢٣"),
    ],
)
def test_no_query_is_more_than_words(search, query) -> None:
    assert all(passage["source"] == "The shop" for passage in search(query))


def test_operators_are_searched_for_as_words(search, tmp_path) -> None:
    (tmp_path / "words.md").write_text("# Near\n\nNear the station.\n\n# Far\n\nFar from the station.\n")
    assert [passage["title"] for passage in search("NEAR")] == ["Near"]


def test_agents_find_only_what_is_in_their_own_files(search, tmp_path) -> None:
    (tmp_path / "a.md").write_text("# Apples\n\nRed apples.\n")
    (tmp_path / "b.md").write_text("# Apples\n\nGreen apples.\n")
    assert [passage["text"] for passage in search("apples", "a.md")] == ["Red apples."]
    assert [passage["text"] for passage in search("apples", "b.md")] == ["Green apples."]
    assert len(search("apples", "a.md", "*.md")) == 2, "a file that two patterns match is read once"


def test_no_files_and_empty_files_hold_nothing(search, tmp_path) -> None:
    assert search("apples") == []
    (tmp_path / "empty.md").write_text("")
    (tmp_path / "titles.md").write_text("# Apples\n\n## Pears\n")
    (tmp_path / "binary.md").write_bytes(bytes(range(256)))
    assert search("apples") == []


def test_folders_are_no_files(search, shop) -> None:
    below = shop.parent / "below"
    below.mkdir()
    (below / "deep.md").write_text("# Llamas\n\nDeep llamas.\n")
    everything = str(shop.parent / "**")
    assert matching_files((everything,)) == sorted([str(below / "deep.md"), str(shop)])
    assert search("llamas", "**")[0]["source"] == "Llamas"


class Live:
    """A search beside which files change; what this process does waits meanwhile, and gevent does not."""

    def __init__(self, folder: Path) -> None:
        self.search = KnowledgeSearch(folder / "home")
        self.agent = Agent("demo", "Demo", ("m",), knowledge=(f"{folder}/*.md",))

    def titles(self, query: str) -> list[str]:
        return [passage.title for passage in self.search.search(self.agent, query)]

    def finds(self, query: str, *titles: str, seconds: float = 20) -> None:
        """Fails where it does not find exactly these in time."""
        deadline = time.monotonic() + seconds
        while (found := self.titles(query)) != [*titles]:
            assert time.monotonic() < deadline, found
            gevent.sleep(0.05)

    def finds_first(self, query: str, title: str) -> None:
        """Likewise, for the best passage."""
        deadline = time.monotonic() + 20
        while (found := self.titles(query))[:1] != [title]:
            assert time.monotonic() < deadline, found
            gevent.sleep(0.05)


@pytest.fixture
def live(tmp_path) -> Iterator[Live]:
    (tmp_path / "home").mkdir()
    made = Live(tmp_path)
    yield made
    made.search.close()


def _children() -> list[int]:
    return [int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]


@pytest.fixture
def children() -> Callable[[], list[int]]:
    """Tells the processes that the test has started; those of other tests may live on."""
    before = _children()
    return lambda: [pid for pid in _children() if pid not in before]


def rewrite_unnoticed(path: Path, old: str, new: str) -> None:
    """The same size and the same time of change, so whoever sees the new text has read the file again."""
    before = path.stat()
    assert len(old) == len(new)
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_the_first_question_waits_for_the_index_and_files_that_come_change_and_go_are_noticed(
    live, shop, caplog
) -> None:
    found = live.titles("opening")  # once, unless the machine has so much to do that the time for it is over
    if "knowledge was not found in time" in caplog.messages:
        live.finds_first("opening", "Opening hours")
    else:
        assert found[0] == "Opening hours"
    news = shop.with_name("news.md")
    assert live.titles("llamas") == []
    news.write_text("# Llamas\n\nWe have llamas.\n")
    live.finds("llamas", "Llamas")
    news.write_text("# Alpacas\n\nWe have alpacas now.\n")
    live.finds("alpacas", "Alpacas")
    assert live.titles("llamas") == []
    news.unlink()
    live.finds("alpacas")
    shop.unlink()
    live.finds("opening")


def test_after_a_restart_the_index_is_used_at_once_and_nothing_is_read(live, shop, children) -> None:
    live.finds_first("opening", "Opening hours")
    live.search.close()
    with gevent.Timeout(20):
        while children():  # the one that has made the index is ending, and gevent's loop waits for it
            gevent.sleep(0.01)
    rewrite_unnoticed(shop, "Opening", "Closing")
    again = Live(shop.parent)
    assert again.titles("opening")[0] == "Opening hours"
    assert children() == [], "no process was started for it"
    again.search.close()


def test_a_file_that_could_not_be_read_for_a_moment_is_found_when_it_could_be(live, shop) -> None:
    shop.with_name("a.md").write_text("# Llamas\n\nWe have llamas.\n")
    folder = IndexFolder(shop.parent / "home")
    with first_file_killed():
        make_due(folder, build(folder, live.agent.knowledge))
    live.search.start([live.agent, replace(live.agent, id="other", embeddings="none")])
    live.finds("llamas", "Llamas")
    live.finds_first("opening", "Opening hours")
    other = replace(live.agent, embeddings="none")
    assert [passage.title for passage in live.search.search(other, "llamas")] == ["Llamas"], "all who have that index"


def test_the_index_before_answers_while_a_file_changes_all_the_time(live, shop, caplog) -> None:
    live.finds_first("opening", "Opening hours")
    busy, told = shop.with_name("busy.md"), threading.Event()
    busy.write_text("# Busy\n\n" + "word " * 200_000)
    with ThreadPoolExecutor(1) as pool, busy.open("a", buffering=1) as file:
        pool.submit(lambda: [file.write("more\n") for _ in iter(partial(told.wait, 0.001), True)])
        try:
            with gevent.Timeout(60):
                while not (errors := [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]):
                    assert live.titles("opening")[0] == "Opening hours"
                    gevent.sleep(0.1)
        finally:
            told.set()
    assert errors == [f"knowledge cannot be indexed: {busy}: it changes while it is read"]
    live.finds("word", *["Busy"] * MOST_PASSAGES)


@pytest.mark.usefixtures("shop")
def test_who_asks_before_there_is_an_index_is_answered_without_and_a_killed_build_is_repeated(
    live, caplog, children
) -> None:
    folder = IndexFolder(Path(live.agent.knowledge[0]).parent / "home")
    with folder.locked():  # as by a command that indexes just now
        begun = time.monotonic()
        asked = [gevent.spawn(live.titles, "opening") for _ in range(3)]
        gevent.joinall(asked)
        assert [each.value for each in asked] == [[], [], []]
        assert SECONDS <= time.monotonic() - begun < SECONDS + 1
        (child,) = children()
        os.kill(child, signal.SIGKILL)
        with gevent.Timeout(20):
            while not any(message.startswith("knowledge cannot be indexed") for message in caplog.messages):
                gevent.sleep(0.02)
        begun = time.monotonic()
        assert live.titles("opening") == []
        assert time.monotonic() - begun < 1, "nobody waits for what has failed"
    live.finds("opening", "Opening hours")
    told = [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
    assert told == [
        "knowledge was not found in time",
        "knowledge cannot be indexed: the process that indexes has ended, or made no progress",
    ]


@pytest.mark.usefixtures("shop")
def test_a_damaged_index_is_built_anew(live, caplog) -> None:
    live.finds_first("opening", "Opening hours")
    live.search.close()
    folder = IndexFolder(Path(live.agent.knowledge[0]).parent / "home")
    folder.index_file(folder.current(live.agent.knowledge)).write_bytes(b"damaged" * 10_000)
    again = Live(folder.path.parents[2])
    again.finds("opening", "Opening hours")
    assert caplog.messages.count("an index of knowledge is damaged: ValueError('it is not as it was written')") == 1
    again.search.close()


@pytest.fixture
def embedded(tmp_path) -> Iterator[tuple[Live, EmbeddingServer]]:
    (tmp_path / "home").mkdir()
    (tmp_path / "clinic.md").write_text("# Clinic\n\nThe attorney is in on Mondays.\n\n## Pets\n\nDogs wait outside.\n")
    with EmbeddingServer() as server:
        live = Live(tmp_path)
        live.search = KnowledgeSearch(tmp_path / "home", {"m": server.options})
        live.agent = replace(live.agent, embeddings="m")
        yield live, server
        live.search.close()


def test_what_has_no_word_of_the_question_is_found_by_meaning_and_does_not_answer_by_itself(embedded, tmp_path) -> None:
    live, server = embedded
    live.finds_first("Is there a surgery?", "Clinic")
    assert not any(passage.confident for passage in live.search.search(live.agent, "Is there a surgery?"))
    (tmp_path / "cars.md").write_text("# Parking\n\nThere is room for every automobile.\n")
    live.finds_first("my car", "Parking")
    assert server.texts.count("Clinic\nThe attorney is in on Mondays.") == 1, "what is known is not asked for again"


def test_without_the_model_words_answer_and_its_return_is_noticed(embedded, caplog) -> None:
    live, server = embedded
    server.failing = [whole(b'{"error": "no"}', 401)]
    live.finds("dogs", "Pets")
    assert live.titles("Is there a surgery?") == []
    live.finds_first("Is there a surgery?", "Clinic")
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == ['knowledge is not embedded: 2 texts are missing: answered 401: {"error": "no"}']


def test_a_model_that_gives_other_vectors_leaves_the_words_and_is_asked_for_all_texts_again(embedded, caplog) -> None:
    live, server = embedded
    live.finds_first("Is there a surgery?", "Clinic")
    server.dimensions = 12
    assert live.titles("When is the attorney in?") == ["Clinic"]
    assert live.titles("a doctor") == []
    live.finds_first("a doctor", "Clinic")
    assert live.titles("Is there a surgery?")[:1] == ["Clinic"], "what the model said of it before is forgotten"
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == ["the model gives other vectors than it did"]


def test_questions_that_are_under_way_when_the_vectors_come_doubt_them_no_more(embedded, caplog) -> None:
    live, server = embedded
    live.finds_first("Is there a surgery?", "Clinic")
    for turn, dimensions in enumerate((12, 8, 12, 8)):
        caplog.clear()
        server.dimensions = dimensions
        asked, deadline = [], time.monotonic() + 20
        while not asked or any(each.value[:1] != ["Clinic"] for each in asked):
            assert time.monotonic() < deadline
            asked = [gevent.spawn(live.titles, f"a doctor {turn} {number}") for number in range(20)]
            gevent.joinall(asked)
        told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert told == ["the model gives other vectors than it did"]


def test_an_index_that_somebody_removes_is_built_anew_with_its_vectors(embedded, tmp_path) -> None:
    """As another server does that has the same home folder, and knows nothing of these files."""
    live, _ = embedded
    live.finds_first("Is there a surgery?", "Clinic")
    folder = IndexFolder(tmp_path / "home")
    name = folder.current(live.agent.knowledge)
    shutil.rmtree(folder.path)
    assert live.titles("Is there a surgery?")[:1] == ["Clinic"], "it is open"
    deadline = time.monotonic() + 20
    while not [*(folder.path / name).glob("*.vectors")]:
        assert time.monotonic() < deadline
        gevent.sleep(0.05)
    live.finds_first("a doctor", "Clinic")


def test_vectors_are_there_after_a_restart(embedded, tmp_path) -> None:
    live, server = embedded
    live.finds_first("Is there a surgery?", "Clinic")
    live.search.close()
    server.texts.clear()
    with closing(KnowledgeSearch(tmp_path / "home", {"m": server.options})) as again:
        live.search = again
        assert live.titles("Is there a surgery?") == ["Clinic", "Pets"]
        assert server.texts == ["Is there a surgery?"]
