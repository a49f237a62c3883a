"""Native threads that work off one queue, for calls that would hold up every greenlet of the process.

gevent's own pool has neither a deadline for a call that waits nor a bound for the queue, keeps no order, and goes on
with the call of a greenlet that was killed.
"""

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from time import monotonic
from typing import Any, Generic, TypeVar

from gevent import get_hub
from gevent.event import Event
from gevent.monkey import get_original

T = TypeVar("T")

CALL_SECONDS = 5.0
"""Within which the work of a call begins, or never, where its caller says nothing else."""

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

    __slots__ = ("_claimed", "_ended", "_error", "_result", "_work")

    def __init__(self, work: Callable[[Any], T]) -> None:
        self._work = work
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

    def do(self, with_what: Any) -> None:
        """Called by the thread: the work, unless its caller has given it up. Raises what the work raises."""
        if self.claim():
            self._result = self._work(with_what)

    def fail(self, error: BaseException) -> None:
        """Called by the thread: what the caller is to be raised, unless something was before."""
        self._error = self._error or error

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


class Jobs:
    """What a thread works off at once. Iterating takes from the queue, in its order, what waits there just then; the
    `first` was waited for."""

    def __init__(self, first: Job[Any], queue: Any) -> None:
        self.first = first
        self.taken = [first]
        self._queue = queue

    @property
    def more_wait(self) -> bool:
        return not self._queue.empty()

    def __iter__(self) -> Iterator[Job[Any]]:
        yield self.first
        while self.more_wait:
            job = self._queue.get()  # nobody else takes from it, where threads take more than one
            if job is None:
                self._queue.put(None)
                return
            self.taken.append(job)
            yield job


Executor = AbstractContextManager[Callable[[Jobs], None]]


class Lane:
    """At most `threads` native threads, started when they are needed, and at most `most_waiting` calls that wait for
    them, in their order. Its calls come from greenlets of one thread.

    `new_executor` makes, in each thread, what does the work of the first job, or of several where the lane has one
    thread. What it raises is raised to the callers of all that it has taken. It is left in the same thread, when that
    ends. `timer`, where there is one, is called with the seconds that each call has taken, in its greenlet.
    """

    def __init__(self, new_executor: Callable[[], Executor], threads: int, most_waiting: int) -> None:
        self._new_executor = new_executor
        self._most_threads, self._most_waiting = threads, most_waiting
        self._threads = 0
        self._unfinished = 0  # calls that wait or are worked on
        self._queue = _NativeQueue()  # of jobs; None ends a thread
        self._ended: deque[Job[Any]] = deque()  # whose callers are to be woken
        self._waker: Any = None
        self.timer: Callable[[float], None] | None = None

    @property
    def waiting(self) -> int:
        """How many calls no thread works on."""
        return max(self._unfinished - self._most_threads, 0)

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
        if self.timer is None:
            return job.outcome(seconds)
        called = monotonic()
        try:
            return job.outcome(seconds)
        finally:
            self.timer(monotonic() - called)

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
                jobs = Jobs(job, self._queue)
                try:
                    if not job.given_up:
                        execute(jobs)
                except BaseException as error:  # noqa: BLE001 - the callers get it
                    for taken in jobs.taken:
                        taken.fail(error)
                self._ended.extend(jobs.taken)
                self._waker.send()
                del job, jobs  # not kept until the next call

    def _tell(self) -> None:
        """Called by the event loop, once for all that have ended meanwhile."""
        while self._ended:
            self._unfinished -= 1
            self._ended.popleft().tell()
