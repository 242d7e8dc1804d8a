"""The demo, as its user sees it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LIGHTSHIP = [sys.executable, "-m", "lightship"]


def test_every_check_of_the_demo_holds(tmp_path: Path) -> None:
    done = subprocess.run(
        [*LIGHTSHIP, "demo", "--block-time", "instant", "--json", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["status"] == "success"
    result = answer["result"]
    assert result["holds"] is True
    assert result["failures"] == []
    checks = [check for scene in result["scenes"] for check in scene["checks"]]
    assert len(checks) == 19
    assert all(check["holds"] for check in checks)
    assert (tmp_path / "relayer.log").read_text().count("ERROR") == 0


def test_the_demo_is_told_line_by_line() -> None:
    done = subprocess.run(
        [*LIGHTSHIP, "demo", "--block-time", "200ms"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "alpha-1 at height",
        "channel for bridge: channel-0 on alpha, channel-0 on beta",
        "voucher contract on beta: cosmos1",
        "packet 1 of channel-0 is acknowledged on beta by height",
        "+ no SHIP was made or lost: 1000000",
        "is timed out on alpha",
        "+ the timeout refunds silver: 1000000",
        "+ the error acknowledgement refunds TIDE: 1000000",
        "All 19 checks hold",
    ):
        assert words in done.stdout
    assert done.stderr == ""


def test_kept_chains_can_be_used_until_ctrl_c(tmp_path: Path) -> None:
    arguments = ["demo", "--keep", "--block-time", "instant", "--folder", str(tmp_path)]
    process = subprocess.Popen(
        [*LIGHTSHIP, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        told = ""
        deadline = time.monotonic() + 60
        assert process.stdout is not None
        while "try: lightship query" not in told and time.monotonic() < deadline:
            told += process.stdout.readline()
        [url] = re.findall(r"lightship query channels (\S+)", told)
        asked = subprocess.run(
            [*LIGHTSHIP, "query", "channels", url, "--json"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        channels = json.loads(asked.stdout)["result"]
        assert [channel["state"] for channel in channels] == ["STATE_OPEN"] * 3
        assert len(re.findall(r"^\s+(?:[a-z]+ ){11}[a-z]+$", told, re.MULTILINE)) == 4
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    done = subprocess.run(
        [*LIGHTSHIP, "demo", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"error: --folder {tmp_path} is not empty (see lightship demo --help)"
    ]


@pytest.mark.parametrize("words", [["--help"], ["demo", "--help"], ["tx", "transfer", "--help"]])
def test_help_does_not_import_what_it_does_not_need(words: list[str]) -> None:
    """Help is instant because it loads neither the VM nor a web or gRPC server."""
    program = (
        "import sys\nfrom lightship.cli.app import run\ncode = run(sys.argv[1:])\n"
        "heavy = {'wasmtime', 'aiohttp', 'grpc'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: lightship" in done.stdout
