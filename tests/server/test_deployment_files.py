"""The files that a deployment copies: nginx and systemd take them, and `make run-several` serves by them."""

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import requests
from support.nginx import NGINX, needs_nginx
from support.trial import trial

from app.testing.server import ROOT, eventually

UNITS = ROOT / "config" / "systemd"
OURS = ("/opt/parlance/.venv/bin/flask", "/opt/parlance/.venv/bin/gunicorn")


@needs_nginx
def test_nginx_takes_the_shipped_configuration(tmp_path) -> None:
    certificate = tmp_path / "pem"
    made = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=chat.example.com")
    files = ("-keyout", certificate, "-out", f"{certificate}.crt")
    subprocess.run(["openssl", *made, *files], check=True, capture_output=True)
    text = (ROOT / "config/nginx/parlance.conf").read_text()
    text = re.sub(r"/etc/letsencrypt/\S+privkey\.pem", str(certificate), text)
    text = re.sub(r"/etc/letsencrypt/\S+fullchain\.pem", f"{certificate}.crt", text)
    whole = f"pid {tmp_path}/pid; events {{}} http {{ access_log off; {text} }}"
    (tmp_path / "nginx.conf").write_text(whole)
    command = [NGINX, "-t", "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error.log"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "warn" not in ran.stderr


@pytest.mark.parametrize("unit", ["parlance.service", "parlance@1.service"])
def test_systemd_takes_the_shipped_units(unit, tmp_path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd not installed")
    text = (UNITS / re.sub(r"@\d", "@", unit)).read_text()
    for program in OURS:
        assert program in text
        text = text.replace(program, "/bin/true")  # it has to be there
    (tmp_path / re.sub(r"@\d", "@", unit)).write_text(text)
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / unit], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, [line for line in ran.stderr.splitlines() if str(tmp_path) in line]) == (0, [])


def test_the_template_differs_from_the_unit_in_what_each_server_has_for_itself() -> None:
    one, several = ((UNITS / name).read_text().splitlines() for name in ("parlance.service", "parlance@.service"))
    differing = [line for line in several if line not in one]
    assert [line for line in differing if "%i" not in line] == [
        "After=network-online.target postgresql.service redis-server.service"
    ]


def children(pid: int) -> list[int]:
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*found, *(each for child in found for each in children(child))]


@needs_nginx
def test_two_servers_answer_behind_nginx_and_everything_ends_with_the_script(tmp_path) -> None:
    with trial(tmp_path) as several:
        for _ in range(4):
            asked = {"messages": [{"role": "user", "content": "What is 12 * 7?"}], "stream": False}
            headers = {"Authorization": f"Bearer {several.keys['secret']}"}
            answer = requests.post(f"{several.url}/api/chat", json=asked, headers=headers, timeout=30)
            assert "84" in answer.json()["response"]
        logs = [several.folder / f"server-{number}.log" for number in (1, 2)]
        eventually(lambda: [log.read_text().count('"path":"/api/chat"') for log in logs] == [2, 2])
        running = children(several.process.pid)
        assert len(running) > 5
        several.process.send_signal(signal.SIGINT)
        assert several.process.wait(60) == 0
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in running))
        assert not several.folder.exists()
