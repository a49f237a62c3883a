"""What it costs to count a question for GET /metrics: a turn, and the calls of the database that it makes.

.venv/bin/python -m bench.counting
"""

from gevent import monkey

monkey.patch_all()  # locks as a worker has them

import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from time import process_time  # noqa: E402
from types import SimpleNamespace  # noqa: E402
from typing import Any  # noqa: E402

from app.metrics.figures import Figures  # noqa: E402

TURNS, ROUNDS = 5_000, 15


def main() -> None:
    """Microseconds of CPU, the best of some rounds."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Figures(Path(folder))
        figures.start("0", {"demo": ["builtin"]})
        turn: Any = SimpleNamespace(
            question=SimpleNamespace(agent=SimpleNamespace(id="demo"), conversation=SimpleNamespace(wire="widget")),
            generation=SimpleNamespace(
                model="builtin",
                usage=SimpleNamespace(prompt_tokens=100, completion_tokens=50),
                first_token=1.3,
                inter_token=0.02,
            ),
            status="complete",
            answer_id="1",
            started=1.0,
            credits=1,
        )
        timer = figures.database_timer("read")
        print(f"a turn: {_micros(lambda: figures.count_turn(turn)):.1f} µs")
        print(f"a call of the database: {_micros(lambda: timer(0.003)):.2f} µs")


def _micros(work: Any) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = process_time()
        for _ in range(TURNS):
            work()
        best = min(best, process_time() - began)
    return best / TURNS * 1e6


if __name__ == "__main__":
    main()
