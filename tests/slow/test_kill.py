"""kill -9 in the middle of two hundred streams: what a caller was told is in the database."""

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
import requests
from torture.checker import is_sound

from app.testing.server import Server, eventually, new_session_id, script
from app.testing.sockets import post, read_all

pytestmark = pytest.mark.alone(tries=1)

STREAMS = 200


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_answer_whose_end_was_seen_survives_the_kill(start, seed) -> None:
    chance = random.Random(seed)
    server: Server = start()
    key = server.key("widget")
    texts = [[f"{index}-{word} " for word in range(chance.randint(1, 60))] for index in range(STREAMS)]

    def one(words: list[str]) -> bytes:
        steps = [{"text": word, "every": 0.02} for word in words]
        body = orjson.dumps({"sessionId": new_session_id(), "message": script(*steps)})
        with post(server, "/chat", body, {"x-api-key": key}) as connection:
            return read_all(connection, 30)

    with ThreadPoolExecutor(STREAMS) as pool:
        streams = [pool.submit(one, words) for words in texts]
        answered = "SELECT count(*) FROM messages WHERE role = 'assistant' AND status != 'running'"
        eventually(lambda: server.rows(answered)[0][0] >= chance.randint(1, 50), 30)
        time.sleep(0.1 + chance.random() / 2)  # the first of what is stored is told meanwhile
        os.kill(server.worker_pid(), signal.SIGKILL)
        answers = [stream.result() for stream in streams]

    eventually(lambda: requests.get(f"{server.url}/ready", timeout=5).status_code == 200, 15)
    assert is_sound(server)
    accepted = done = 0
    for answer, words in zip(answers, texts, strict=True):
        events = [
            orjson.loads(line) for line in answer.split(b"\r\n") if line.startswith(b"{") and line.endswith(b"}\n")
        ]
        for event in events:
            if event["type"] == "start":
                accepted += 1
                assert server.messages(event["conversationId"])[0]["role"] == "user"
            if event["type"] == "done":
                done += 1
                stored = server.messages(event["conversationId"])[1]
                assert (stored["status"], stored["text"]) == ("complete", "".join(words))
    assert accepted > done > 0, (
        f"{accepted} accepted, {done} done: the kill came too early or too late to show anything"
    )
