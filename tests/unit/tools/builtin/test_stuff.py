"""The tool that looks up a user's things, however many they are; tests/wires/things/test_stuff_tool.py has the rest."""

from dataclasses import dataclass
from time import thread_time

import gevent
import pytest

from app.tools.builtin.stuff import best_things


@dataclass
class Note:
    name: str
    content: str


def test_the_best_match_comes_first_and_words_count_once_for_each_thing() -> None:
    notes = [Note("cat", "black black"), Note("dog", "a black cat's friend"), Note("fish", "red"), Note("cats", "")]
    assert best_things(notes, "the black cat") == [notes[0], notes[1]]
    assert best_things(notes, "what is it") == notes, "no word that says anything"


@pytest.mark.timed
@pytest.mark.parametrize("words", ["zq1 ", "things of "])
def test_others_have_their_turns_while_ten_megabytes_are_looked_through(words) -> None:
    notes = [Note(f"{number}", "some things and others " * 430) for number in range(1000)]
    query = " ".join(f"{words}{number}" for number in range(40))
    held = [0.0]

    def other() -> None:
        while True:
            began = thread_time()
            gevent.sleep(0)
            held.append(thread_time() - began)

    greenlet = gevent.spawn(other)
    gevent.sleep(0)
    best_things(notes, query)
    greenlet.kill()
    assert len(held) > 100
    assert max(held) < 0.05, "seconds of CPU time"
