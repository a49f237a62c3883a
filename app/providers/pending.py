"""Opens a model while its caller goes on hearing heartbeats."""

from collections.abc import Iterator

import gevent

from app.engine.chunks import Chunk
from app.engine.ports import Model, Stream
from app.engine.prompt import Prompt


class PendingStream:
    """Opens it in a greenlet of its own, after a pause. Use: iterate to the end; `stream` is there then, unless `close`
    came before."""

    def __init__(self, model: Model, prompt: Prompt, heartbeat: float, pause: float) -> None:
        self.stream: Stream[Chunk] | None = None
        self._model, self._prompt, self._heartbeat, self._pause = model, prompt, heartbeat, pause
        self._error: Exception | None = None
        self._closed = False
        self._greenlet = gevent.spawn(self._open)

    def __iter__(self) -> Iterator[tuple[()]]:
        """Empty batches. Raises what the model's `open` raises."""
        self._greenlet.join(self._heartbeat)
        while not self._greenlet.ready():
            yield ()
            self._greenlet.join(self._heartbeat)
        if self._error:
            raise self._error

    def close(self) -> None:
        """From any greenlet: the opening ends, and so does what it has opened."""
        self._closed = True
        self._greenlet.kill(block=False)
        if self.stream:
            self.stream.close()

    def _open(self) -> None:
        if self._pause:
            gevent.sleep(self._pause)
        try:
            stream = self._model.open(self._prompt, self._heartbeat)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where it is waited for
            self._error = error
            return
        if self._closed:  # in the last moment, before the greenlet was ended
            stream.close()
        else:
            self.stream = stream
