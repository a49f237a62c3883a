"""The `flask` program, run as operators run it; the other tests of commands run them in their own process."""

import re

from support.keys import KEY


def test_the_program_prints_what_was_asked_for_and_nothing_else(fresh) -> None:
    unprepared = fresh.flask_program("keys", "list", check=False)
    assert (unprepared.returncode, unprepared.stdout) == (1, "")
    assert "flask prepare" in unprepared.stderr
    assert "Traceback" not in unprepared.stderr
    prepared = fresh.flask_program("prepare")
    assert (prepared.stdout, prepared.stderr) == ("", "")
    made = fresh.flask_program("keys", "create", "--agent", "open", "--kind", "secret")
    assert re.fullmatch(KEY + "\n", made.stdout)
    assert made.stderr == ""
    command = ("users", "create", "--email", "ada@example.com", "--password-stdin")
    assert re.fullmatch("[0-9a-f]{32}\n", fresh.flask_program(*command, stdin="correct horse\n").stdout)
    refused = fresh.flask_program("keys", "create", "--agent", "nobody", "--kind", "secret", check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "There is no agent 'nobody'" in refused.stderr
