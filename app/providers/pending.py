"""A model's stream while the model is being opened, so that its caller can send keep-alives meanwhile."""

from collections.abc import Iterator

import gevent

from app.engine.chunks import Chunk
from app.engine.ports import Model, Stream
from app.engine.prompt import Prompt


class PendingStream:
    """Opens a model in a greenlet of its own, after a pause; `heartbeat` and `pause` are in seconds.

    Use: iterate to the end; then `stream` is the model's stream, or None where `close` was called before.
    """

    def __init__(self, model: Model, prompt: Prompt, heartbeat: float, pause: float) -> None:
        self.stream: Stream[Chunk] | None = None
        self._model, self._prompt, self._heartbeat, self._pause = model, prompt, heartbeat, pause
        self._error: Exception | None = None
        self._closed = False
        self._opening: gevent.Greenlet[[], None] | None = gevent.spawn(self._open)

    def __iter__(self) -> Iterator[tuple[()]]:
        """An empty batch after each heartbeat interval until the model is open. Raises what `Model.open` raises."""
        opening = self._opening
        assert opening, "there is one iteration"
        opening.join(self._heartbeat)
        while not opening.ready():
            yield ()
            opening.join(self._heartbeat)
        self._opening = None  # a stream may be open for hours
        if self._error:
            raise self._error

    def close(self) -> None:
        """Stop opening, and close the stream where it is open already. May be called from any greenlet."""
        self._closed = True
        if self._opening:
            self._opening.kill(block=False)
        if self.stream:
            self.stream.close()

    def _open(self) -> None:
        if self._pause:
            gevent.sleep(self._pause)
        try:
            stream = self._model.open(self._prompt, self._heartbeat)
        except Exception as error:  # noqa: BLE001 - __iter__ raises it
            self._error = error
            return
        if self._closed:  # `close` was called while `open` returned: the kill comes too late
            stream.close()
        else:
            self.stream = stream
