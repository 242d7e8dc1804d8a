"""CometBFT's own cases of its query language."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chain.node.errors import QueryError
from chain.node.query import parse

ROOT = Path(os.environ.get("LIGHTSHIP_VECTORS", Path(__file__).parents[2] / "../shared/vectors"))
RPC = ROOT / "rpc"

if not RPC.is_dir():
    pytest.skip(f"no vectors in {RPC}", allow_module_level=True)


def cases(name: str, at_least: int) -> list[dict[str, Any]]:
    path = RPC / name
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    assert isinstance(found, list)
    if "LIGHTSHIP_VECTORS" not in os.environ:
        assert len(found) >= at_least
    return found


@pytest.mark.parametrize("case", cases("event_query_match.json", 30), ids=lambda case: case["id"])
def test_query_matches(case: dict[str, Any]) -> None:
    assert parse(case["query"]).matches(case["events"]) is case["matches"]


@pytest.mark.parametrize("case", cases("event_query_parse.json", 42), ids=lambda case: case["id"])
def test_query_parses(case: dict[str, Any]) -> None:
    if case["valid"]:
        assert parse(case["query"]).conditions
    else:
        with pytest.raises(QueryError):
            parse(case["query"])
