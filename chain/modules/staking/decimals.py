"""The decimals in a genesis state of x/staking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from chain.decimals import parse, show

_FIELDS: Final = frozenset(
    {"rate", "max_rate", "max_change_rate", "delegator_shares", "shares", "min_commission_rate"}
)


def from_json(state: Any) -> Any:
    """A genesis state of x/staking with its decimals as protobuf has them."""
    return _changed(state, lambda text: str(parse(text)))


def to_json(state: Any) -> Any:
    return _changed(state, show)


def _changed(state: Any, change: Callable[[str], str]) -> Any:
    if isinstance(state, list):
        return [_changed(item, change) for item in state]
    if not isinstance(state, Mapping):
        return state
    return {
        key: change(value) if key in _FIELDS and isinstance(value, str) else _changed(value, change)
        for key, value in state.items()
    }
