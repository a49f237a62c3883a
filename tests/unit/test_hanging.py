"""A run of the tests ends, whatever hangs in it."""

import os
import subprocess
import sys
from pathlib import Path

HANGING = """
import threading
import pytest

@pytest.fixture
def never_ready():
    threading.Event().wait()

def test_of_what_is_never_ready(never_ready): ...

@pytest.mark.flaky(reruns=1)
def test_that_waits():
    threading.Event().wait()

def test_that_is_asked_afterwards(): ...
"""


def test_a_test_that_hangs_fails_in_each_of_its_tries_and_says_where_it_stood(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGING)
    command = [sys.executable, "-m", "pytest", "-p", "support.hanging", "-p", "no:cacheprovider", "-rfE"]
    env = {**os.environ, "PYTHONPATH": f"{Path(__file__).parents[1]}", "PARLANCE_TEST_SECONDS": "0.2"}
    env.pop("PARLANCE_TORTURE", None)
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert "1 failed, 1 passed, 1 error, 1 rerun" in ran.stdout
    assert "the test hung: 0.2 seconds were over" in ran.stdout
    assert "setting up hung: 0.2 seconds were over" in ran.stdout
    assert "in test_that_waits" in ran.stdout
