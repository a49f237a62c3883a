"""Native threads that work off one queue, for calls that would hold up every greenlet of the process.

gevent's own pool has neither a deadline for a call that waits nor a bound for the queue, keeps no order, and goes on
with the call of a greenlet that was killed.
"""

import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

from gevent import get_hub
from gevent.event import Event
from gevent.monkey import get_original

T = TypeVar("T")

# Those of native threads: what gevent puts in their place does not pass between threads.
allocate_lock = get_original("_thread", "allocate_lock")
_start_thread = get_original("_thread", "start_new_thread")
_NativeQueue = get_original("queue", "SimpleQueue")


class LaneFullError(Exception):
    """As many calls wait as may."""


class DeadlineError(Exception):
    """The deadline passed before the call's work began."""


class Job(Generic[T]):
    """A call on its way. Either its thread begins the work (`claim`), or its caller gives it up: never both."""

    __slots__ = ("_claimed", "_ended", "_error", "_result", "work")

    def __init__(self, work: Callable[[Any], T]) -> None:
        self.work = work
        self._ended = Event()
        self._claimed = allocate_lock()
        self._result: T | None = None
        self._error: BaseException | None = None

    def claim(self) -> bool:
        """Whether whoever asks is the first to do so: the thread that may begin now, or the caller who gives up."""
        return bool(self._claimed.acquire(blocking=False))

    @property
    def given_up(self) -> bool:
        """For the thread, before it has claimed the job."""
        return bool(self._claimed.locked())

    def outcome(self, seconds: float) -> T:
        """Wait in the caller's greenlet: what the work returns or raises. Raises DeadlineError after `seconds`."""
        try:
            ended = self._ended.wait(seconds) or (not self.claim() and self._wait())
        except BaseException:  # the greenlet is killed, or a time limit around the call has passed
            if not self.claim():
                self._wait_whatever_comes()
            raise
        if not ended:
            raise DeadlineError
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # it is None only where T is

    def end(self, result: T | None, error: BaseException | None) -> None:
        """Called by the thread; the caller's own thread then calls `tell`."""
        self._result, self._error = result, error

    def tell(self) -> None:
        """Wake the caller."""
        self._ended.set()

    def _wait(self) -> bool:
        """Until the work has ended. (A timer keeps an event loop that has nothing else to do.)"""
        while not self._ended.wait(60):
            pass
        return True

    def _wait_whatever_comes(self) -> None:
        while not self._ended.is_set():
            try:
                self._wait()
            except BaseException:  # noqa: BLE001, S112 - killed again: the first kill is raised soon
                continue


Executor = AbstractContextManager[Callable[[Job[Any]], Any]]


class Lane:
    """At most `threads` native threads, started when they are needed, and at most `most_waiting` calls that wait for
    them, in their order. Its calls come from greenlets of one thread.

    `new_executor` makes, in each thread, what does the work: it claims a job and returns or raises what the work does.
    It is left in the same thread, when that ends.
    """

    def __init__(self, new_executor: Callable[[], Executor], threads: int, most_waiting: int) -> None:
        self._new_executor = new_executor
        self._most_threads, self._most_waiting = threads, most_waiting
        self._threads = 0
        self._unfinished = 0  # calls that wait or are worked on
        self._queue = _NativeQueue()  # of jobs; None ends a thread
        self._ended: deque[Job[Any]] = deque()  # whose callers are to be woken
        self._waker: Any = None

    def run(self, work: Callable[[Any], T], seconds: float) -> T:
        """What `work` returns or raises in a thread.

        Raises LaneFullError at once, and DeadlineError where the work has not begun after `seconds`: it never will.
        Work that has begun is waited for, however long it takes. So it is where the greenlet is killed: what is raised
        in it is raised when the work has ended. Work that had not begun will not begin any more.
        """
        if self._unfinished >= self._most_waiting + self._most_threads:
            raise LaneFullError
        job = Job(work)
        self._unfinished += 1
        self._queue.put(job)
        if self._threads < min(self._unfinished, self._most_threads):
            self._start_thread()
        return job.outcome(seconds)

    def close(self) -> None:
        """End the threads, behind what waits."""
        while self._threads:
            self._threads -= 1
            self._queue.put(None)

    def _start_thread(self) -> None:
        if self._waker is None:
            # Not the loop's run_callback_threadsafe: it counts without a lock, and a timer that expires meanwhile makes
            # the loop believe that it has nothing to wait for.
            self._waker = get_hub().loop.async_(ref=False)
            self._waker.start(self._tell)
        self._threads += 1
        _start_thread(self._serve, ())

    def _serve(self) -> None:
        sys.settrace(threading.gettrace())  # as threading does in its own: for debuggers, and for counting lines
        with self._new_executor() as execute:
            while job := self._queue.get():
                result = error = None
                try:
                    if not job.given_up:
                        result = execute(job)
                except BaseException as raised:  # noqa: BLE001 - the caller gets it
                    error = raised
                job.end(result, error)
                self._ended.append(job)
                self._waker.send()
                del job, result, error  # not kept until the next call

    def _tell(self) -> None:
        """Called by the event loop, once for all that have ended meanwhile."""
        while self._ended:
            self._unfinished -= 1
            self._ended.popleft().tell()
