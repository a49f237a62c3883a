"""A server with `/v1/embeddings`, which answers and refuses as those do that people run."""

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from app.testing.model_server import Action, ModelServer, Request, whole

CONCEPTS = (
    ("attorney", "lawyer", "doctor", "surgery", "arzt"),
    ("automobile", "car", "vehicle", "auto"),
    ("dog", "puppy", "hound", "hund"),
    ("price", "cost", "fee", "preis"),
)
"""Words that mean the same here."""


def meaning(text: str, dimensions: int) -> list[float]:
    """A length for each concept that the text has, and a little of everything; not normalised."""
    words = re.findall(r"\w+", text.lower())
    lengths = [3.0 * sum(word in concept for word in words) for concept in CONCEPTS]
    return [*lengths, *(0.1 + len(text) % (number + 2) / 50 for number in range(dimensions - len(CONCEPTS)))]


class EmbeddingServer(ModelServer):
    """`texts` are all that were asked for, in their order. A request of more than `most_texts`, or with a text of more
    than `most_characters`, gets `refusal(what is too much)`; each that is in `failing` is sent instead of an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.dimensions = 8
        self.most_texts, self.most_characters = 2048, 100_000
        self.refusal: Callable[[str], Sequence[Action]] = openai_refusal
        self.failing: list[Sequence[Action]] = []
        self.shape: Callable[[list[dict[str, Any]]], Any] = lambda data: {"object": "list", "data": data, "model": "m"}
        self.always = self._answer

    @property
    def options(self) -> dict[str, Any]:
        """A model's on this server."""
        timeouts = {"connect": 2, "first_token": 3, "between_tokens": 3, "total": 10}
        return {"base_url": f"{self.url}/v1", "model": "m", "headers": {}, "timeouts": timeouts}

    def _answer(self, request: Request) -> Iterable[Action]:
        assert request.path == "/v1/embeddings"
        if self.failing:
            return self.failing.pop(0)
        texts = request.json["input"]
        if len(texts) > self.most_texts:
            return self.refusal(f"batch size {len(texts)} > maximum allowed batch size {self.most_texts}")
        if any(len(text) > self.most_characters for text in texts):
            return self.refusal(f"`inputs` must have less than {self.most_characters} tokens")
        self.texts += texts
        data = [
            {"object": "embedding", "index": number, "embedding": meaning(text, self.dimensions)}
            for number, text in enumerate(texts)
        ]
        return whole(json.dumps(self.shape(data)).encode())


def _told(status: int, body: Any, **headers: str) -> Sequence[Action]:
    return whole(json.dumps(body).encode(), status, **headers)


def openai_refusal(why: str) -> Sequence[Action]:
    error = {"message": why, "type": "invalid_request_error", "param": None, "code": None}
    return _told(400, {"error": error})


def ollama_refusal(_why: str) -> Sequence[Action]:
    return _told(400, {"error": {"message": "the input length exceeds the context length", "type": "api_error"}})


def vllm_refusal(why: str) -> Sequence[Action]:
    said = f"This model's maximum context length is 512 tokens. However, you requested 1451 tokens. {why}"
    return _told(400, {"object": "error", "message": said, "type": "BadRequestError", "code": 400})


def llama_cpp_refusal(_why: str) -> Sequence[Action]:
    said = "input is too large to process. increase the physical batch size"
    return _told(500, {"error": {"code": 500, "message": said, "type": "server_error"}})


def tei_refusal(why: str) -> Sequence[Action]:
    return _told(
        413 if "tokens" in why else 422, {"error": f"Input validation error: {why}", "error_type": "Validation"}
    )


def dashscope_refusal(why: str) -> Sequence[Action]:
    said = (
        "<400> InternalError.Algo.InvalidParameter: Value error, batch size is invalid, it should not be larger than 10"
    )
    return _told(400, {"error": {"message": f"{said}: {why}", "type": "InvalidParameter"}})


def overloaded(**headers: str) -> Sequence[Action]:
    return _told(429, {"error": {"message": "Rate limit reached"}}, **headers)


def length(vector: Iterable[float]) -> float:
    return math.sqrt(sum(number * number for number in vector))
