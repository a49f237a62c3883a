#!/bin/sh
# gunicorn 27.0.1: `--bind unix:PATH` where another gunicorn listens at that path already.
#
# Guess: as with a port, "Connection in use", five tries, and status 1.
# Seen: it removes the path and listens there itself, without a word. The first one goes on running and no caller reaches
#   it any more; when it is stopped, it removes the path again, which by then is the second one's, and callers reach
#   nobody, though the second one still runs and says nothing.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/v"; "$folder/v/bin/pip" install -q gunicorn==27.0.1
"$folder/v/bin/python" - "$folder" <<'PYTHON'
import atexit, pathlib, socket, subprocess, sys, time

folder = pathlib.Path(sys.argv[1])
(folder / "name.py").write_text(
    "import os\n"
    "def app(environ, start_response):\n"
    "    start_response('200 OK', [('Content-Length', '1'), ('Connection', 'close')])\n"
    "    return [os.environ['NAME'].encode()]\n"
)


def start(name):
    command = [sys.executable, "-m", "gunicorn", "--bind", f"unix:{folder}/s", "--no-control-socket", "name:app"]
    process = subprocess.Popen(command, cwd=folder, env={"NAME": name}, stderr=subprocess.DEVNULL)
    atexit.register(process.kill)
    for _ in range(100):
        if asked() == name:
            return process
        time.sleep(0.1)
    sys.exit(f"{name} is never reached")


def asked():
    """Who answers at the path."""
    with socket.socket(socket.AF_UNIX) as caller:
        try:
            caller.connect(f"{folder}/s")
        except OSError as error:
            return type(error).__name__
        caller.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return b"".join(iter(lambda: caller.recv(1000), b"")).decode()[-1]


first = start("A")
second = start("B")
seen = [first.poll(), asked()]
first.terminate()
first.wait(30)
seen += [asked(), second.poll()]
print("the first runs on:", seen[0] is None, "| answers:", seen[1], "| once it has stopped:", seen[2], "| the second runs on:", seen[3] is None)
sys.exit(seen != [None, "B", "FileNotFoundError", None])
PYTHON
