"""Vectors of an index: what is asked for, what is kept, and what is done where a model fails or is another one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.embeddings import EmbeddingServer, overloaded

from app.knowledge.building.embedding import PROBE, Embedded, embed, model_key, open_vectors, text_of
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.making import BuildError, build
from app.knowledge.documents import Entry
from app.knowledge.vectors import normalised
from app.testing.model_server import whole


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as running:
        yield running


class Site:
    """Files, and the index of them."""

    def __init__(self, folder: Path) -> None:
        (folder / "home").mkdir()
        self.folder, self._files = IndexFolder(folder / "home"), folder

    def write(self, **texts: str) -> str:
        for name, text in texts.items():
            (self._files / f"{name}.md").write_text(f"# {name}\n\n{text}\n")
        return build(self.folder, (f"{self._files}/*.md",))

    def vectors(self, name: str, server: EmbeddingServer):
        entries = self.folder.report(name).passages
        return open_vectors(self.folder, name, model_key(server.options), entries)


@pytest.fixture
def site(tmp_path) -> Site:
    return Site(tmp_path)


def test_every_entry_gets_the_vector_of_its_document_its_headings_and_its_text(site, server) -> None:
    name = site.write(a="The doctor is in.", b="A dog.")
    told: list[tuple[int, int]] = []
    assert embed(site.folder, name, server.options, lambda *said: told.append(said)) == Embedded(0, 0)
    assert server.texts == [PROBE, "a\nThe doctor is in.", "b\nA dog."]
    assert told[-1] == (2, 2)
    vectors, complete = site.vectors(name, server)
    assert complete
    assert [number for number, _ in vectors.nearest(normalised([0, 0, 1, 0, 0, 0, 0, 0]), 1)] == [1]


def test_what_is_embedded_says_each_heading_once() -> None:
    assert text_of(Entry("Prices", ("Prices", "Rooms"), "80 a night")) == "Prices\nRooms\n80 a night"


def test_only_new_texts_are_asked_for_and_equal_ones_once(site, server) -> None:
    embed(site.folder, site.write(a="The doctor is in."), server.options)
    server.texts.clear()
    name = site.write(a="The doctor is in.", b="A dog.\n\n# b\n\nA dog.")
    assert embed(site.folder, name, server.options) == Embedded(0, 0)
    assert server.texts == [PROBE, "b.md\nb\nA dog."]
    server.requests.clear()
    assert embed(site.folder, name, server.options) == Embedded(0, 0)
    assert server.requests == []


def test_where_the_server_fails_what_there_is_is_used_and_the_rest_is_asked_for_the_next_time(site, server) -> None:
    name = site.write(**{f"n{number:02}": f"Dog {number}." for number in range(40)})
    answered = len(server.texts)
    server.failing = []
    server.most_texts = 32

    def fail_then(*_: object) -> None:
        if len(server.texts) > 20 and not server.failing:
            server.failing = [whole(b'{"error": "out of credits"}', 402)]

    made = embed(site.folder, name, server.options, fail_then)
    assert made == Embedded(8, 0, 'answered 402: {"error": "out of credits"}')
    vectors, complete = site.vectors(name, server)
    assert (len(vectors), complete) == (40, False)
    assert len(vectors.nearest(normalised([0, 0, 1, 0, 0, 0, 0, 0]), 50)) == 32
    server.failing, answered = [], len(server.texts)
    assert embed(site.folder, name, server.options) == Embedded(0, 0)
    assert len(server.texts) - answered == 8 + 1, "and whether it is the same model"
    assert site.vectors(name, server)[1]


def test_a_server_that_is_gone_gives_none(site, server) -> None:
    name, options = site.write(a="A dog."), {**server.options, "base_url": "http://127.0.0.1:1/v1"}
    pauses = []

    def give_up(*_: object) -> None:
        pauses.append(1)
        if len(pauses) > 1:
            raise BuildError("no patience")

    with pytest.raises(BuildError, match="no patience"):
        embed(site.folder, name, options, give_up)
    assert site.vectors(name, server) == (None, False)


def test_a_text_that_the_model_refuses_is_not_asked_for_again(site, server) -> None:
    name = site.write(a="A dog.", b="x" * 1000)
    server.most_characters = 40
    assert embed(site.folder, name, server.options) == Embedded(0, 1)
    assert site.vectors(name, server)[1], "there is no more to come"
    server.requests.clear()
    assert embed(site.folder, name, server.options) == Embedded(0, 1)
    assert server.requests == []


@pytest.mark.parametrize("change", ["dimensions", "meaning"])
def test_another_model_under_the_same_name_embeds_anew(site, server, change) -> None:
    name = site.write(a="The doctor is in.", b="A dog.")
    embed(site.folder, name, server.options)
    if change == "dimensions":
        server.dimensions = 12
    else:
        server.shape = lambda data: {"data": [{**each, "embedding": each["embedding"][::-1]} for each in data]}
    server.texts.clear()
    assert embed(site.folder, name, server.options) == Embedded(0, 0)
    assert server.texts == [], "nobody doubts it"
    assert embed(site.folder, name, server.options, doubted=True) == Embedded(0, 0)
    assert len(server.texts) == 3
    assert site.vectors(name, server)[0].dimensions == (12 if change == "dimensions" else 8)


def test_a_model_that_becomes_another_one_half_way_is_found_out_the_next_time(site, server) -> None:
    name = site.write(**{f"n{number:02}": f"Dog {number}." for number in range(40)})

    def change(done: int, _total: int) -> None:
        server.dimensions = 12 if done else 8

    made = embed(site.folder, name, server.options, change)
    assert made == Embedded(8, 0, "gives vectors of 12 dimensions, after some of 8")
    assert site.vectors(name, server)[0].dimensions == 8
    assert embed(site.folder, name, server.options) == Embedded(0, 0)
    assert site.vectors(name, server)[0].dimensions == 12


def test_a_model_that_gives_zeros_for_a_while_costs_nothing_of_what_is_kept(site, server) -> None:
    embed(site.folder, site.write(a="The doctor is in."), server.options)
    usual = server.shape
    server.shape = lambda data: {"data": [{**each, "embedding": [0.0] * 8} for each in data]}
    name = site.write(a="The doctor is in.", b="A dog.")
    assert embed(site.folder, name, server.options) == Embedded(1, 0, "gives vectors of nothing but zeros")
    server.shape = usual
    server.texts.clear()
    assert embed(site.folder, name, server.options) == Embedded(0, 0)
    assert server.texts == [PROBE, "b\nA dog."]


def test_where_another_index_has_come_meanwhile_what_was_asked_for_is_kept_for_it(site, server) -> None:
    name = site.write(a="The doctor is in.")
    embed(site.folder, name, server.options, lambda *_: site.folder.discard(name))
    assert embed(site.folder, site.write(a="The doctor is in."), server.options) == Embedded(0, 0)
    assert server.texts.count("a\nThe doctor is in.") == 1


def test_another_model_has_vectors_of_its_own(site, server) -> None:
    name = site.write(a="The doctor is in.")
    embed(site.folder, name, server.options)
    other = {**server.options, "model": "n"}
    server.texts.clear()
    embed(site.folder, name, other)
    assert len(server.texts) == 2
    assert open_vectors(site.folder, name, model_key(other), 1)[1]


@pytest.mark.timed
def test_a_pause_that_the_server_asks_for_is_made_between(site, server) -> None:
    server.failing = [overloaded(retry_after="1")]
    assert embed(site.folder, site.write(a="A dog."), server.options) == Embedded(0, 0)


def test_an_index_that_is_gone_is_told(site, server) -> None:
    site.write(a="A dog.")
    with pytest.raises(BuildError, match="No such file"):
        embed(site.folder, "0" * 32, server.options)


def test_damaged_vectors_are_none(site, server) -> None:
    name = site.write(a="A dog.")
    embed(site.folder, name, server.options)
    file = site.folder.path / name / f"{model_key(server.options)}.vectors"
    file.write_bytes(file.read_bytes()[:-8])
    assert site.vectors(name, server) == (None, False)
    assert embed(site.folder, name, server.options) == Embedded(0, 0)
    assert site.vectors(name, server)[1]
