"""Files that somebody damaged: `lightship verify` says so in one line, or what they prove is the same as before."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from helpers.answers import commit, pages, query
from helpers.trees import Store, multistore
from helpers.validators import make_block, signers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lightship.cli.app import run

MEMBERS = signers(4)
STORE = Store({b"alice": b"100", b"bob": b"7"})
ROOT, UPPER = multistore({"bank": STORE.root, "ibc": b"\x09" * 32})
TRUSTED = make_block("chain-1", 3, MEMBERS)
BLOCK = make_block("chain-1", 8, MEMBERS, app_hash=ROOT)
ANSWERS: dict[str, Any] = {
    "commit": commit(BLOCK),
    "validators": pages(BLOCK.validators, 8)[0],
    "trusted-commit": commit(TRUSTED),
    "trusted-validators": pages(TRUSTED.validators, 3)[0],
    "query": query(STORE, UPPER["bank"], "bank", b"alice", 7),
}
JUNK = st.sampled_from(
    [
        None,
        "",
        "x",
        "-1",
        -1,
        0,
        2**64,
        1.5,
        True,
        [],
        {},
        [1],
        {"a": 1},
        "9" * 19,
        "\ud800",
        "AA==",
    ]
)
Place = tuple[str | int, ...]


def places(value: Any, at: Place = ()) -> list[Place]:
    """The way to every value inside of a JSON value."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value if isinstance(value, list) else ())
    )
    return [at] + [place for key, item in inner for place in places(item, (*at, key))]


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """The answers, of which one has another value somewhere, or another character in a text."""
    found = copy.deepcopy(ANSWERS)
    place = draw(st.sampled_from(places(found)[1:]))
    holder: Any = found
    for key in place[:-1]:
        holder = holder[key]
    text = holder[place[-1]]
    if isinstance(text, str) and text and draw(st.booleans()):
        at = draw(st.integers(0, len(text) - 1))
        holder[place[-1]] = text[:at] + draw(st.sampled_from("05Aa=-Z")) + text[at + 1 :]
    else:
        holder[place[-1]] = draw(JUNK)
    return found


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(answers=damaged())
def test_damaged_files(
    answers: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--now", "2023-11-14T22:14:00Z", "--store", "bank", "--key", b"alice".hex()]
    for name, answer in answers.items():
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(answer))
        words += [f"--{name}", str(file)]
    code = run(["verify", "proof", *words])
    out, err = capsys.readouterr()
    if code == 0:
        assert "holds 313030 ('100') under 616C696365" in out
        assert "header 8 of chain-1 follows from header 3" in out
    else:
        assert code == 1
        assert err.startswith("error: ")
        assert err.count("\n") == 1
