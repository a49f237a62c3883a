"""The relay that most Python programmers would write: FastAPI, httpx and orjson, on uvicorn with uvloop.

Reads the upstream's events, parses them, encodes each token anew as an NDJSON line. No keys, no limits, no store.
"""

import sys
from collections.abc import AsyncIterator

import httpx
import orjson
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

PORT, UPSTREAM = int(sys.argv[1]), sys.argv[2]

app = FastAPI()
client = httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None, max_keepalive_connections=None))


class Chat(BaseModel):
    sessionId: str  # noqa: N815 - the wire's name
    message: str


async def tokens(message: str) -> AsyncIterator[bytes]:
    body = {
        "model": "bench",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": message}],
    }
    whole = []
    async with client.stream("POST", f"http://127.0.0.1:{UPSTREAM}/v1/chat/completions", json=body) as answer:
        async for line in answer.aiter_lines():
            if not line.startswith("data: ") or line == "data: [DONE]":
                continue
            choices = orjson.loads(line[6:])["choices"]
            token = choices[0]["delta"].get("content") if choices else None
            if token:
                whole.append(token)
                yield orjson.dumps({"type": "token", "token": token}) + b"\n"
    yield orjson.dumps({"type": "done", "message": "".join(whole)}) + b"\n"


@app.post("/chat")
async def chat(body: Chat) -> StreamingResponse:
    return StreamingResponse(tokens(body.message), media_type="application/x-ndjson")


uvicorn.run(app, host="127.0.0.1", port=PORT, loop="uvloop", http="httptools", log_level="warning", backlog=2048)
