"""A missing tool: a skip for a user, a failure in CI. A download that fails is tried once more; an outage skips."""

import sys
from pathlib import Path

import pytest
from helpers import bring as module
from helpers.bring import bring, program

ABSENT = "no-program-has-this-name"


@pytest.fixture(autouse=True)
def _nothing_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_silent", {})


def test_a_user_without_a_tool_skips_what_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"^{ABSENT} is not installed$"):
        program(ABSENT)


def test_ci_without_a_tool_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"^{ABSENT} is not installed$"):
        program(ABSENT)


def command(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_a_download_that_fails_once_is_tried_again(tmp_path: Path) -> None:
    once = command("print('x', file=open('tries', 'a')); exit(len(open('tries').read()) < 3)")
    bring("it", once, tmp_path)
    assert (tmp_path / "tries").read_text() == "x\nx\n"


def test_a_download_that_fails_twice_fails_in_ci(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    twice = command("print('x', file=open('tries', 'a')); exit('no such version')")
    with pytest.raises(pytest.fail.Exception, match=r"cannot bring it: no such version$"):
        bring("it", twice, tmp_path)
    assert (tmp_path / "tries").read_text() == "x\nx\n"


def test_a_download_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.skip.Exception, match=r"cannot bring it: no answer in 0\.1 s$"):
        bring("it", command("import time; time.sleep(60)"), tmp_path, 0.1)


@pytest.mark.parametrize(
    "said",
    [
        "npm error code ENOTFOUND\nnpm error network request to an index failed",
        "go: module lookup: dial tcp 192.0.2.1:443: connect: connection refused",
        "WARNING: Retrying: NewConnectionError: Failed to establish a new connection",
    ],
)
def test_an_outage_is_nobodys_fault(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.skip.Exception, match="cannot bring it: "):
        bring("it", command(f"exit({said!r})"), tmp_path)


def test_nobody_waits_twice_for_a_registry_that_is_silent(tmp_path: Path) -> None:
    gone = command("print('x', file=open('tries', 'a')); exit('ETIMEDOUT')")
    for _ in range(2):
        with pytest.raises(pytest.skip.Exception, match=r"cannot bring it: ETIMEDOUT$"):
            bring("it", gone, tmp_path)
    assert (tmp_path / "tries").read_text() == "x\nx\n"
