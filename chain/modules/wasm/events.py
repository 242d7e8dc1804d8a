"""What a contract reports, as chain events (wasmd ``x/wasm/keeper/events.go``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chain.events import Event
from chain.gotext import WHITE_SPACE
from chain.modules.wasm.errors import INVALID_EVENT
from chain.modules.wasm.wire import ContractEvent, EventAttribute

MIN_TYPE_LENGTH: Final = 2
RESERVED_PREFIX: Final = "_"


def of_response(
    contract: str, attributes: Sequence[EventAttribute], custom: Sequence[ContractEvent]
) -> list[Event]:
    """One ``wasm`` event for the attributes (if any), then ``wasm-<type>`` for each custom one; wasm/21 if invalid."""
    events = [Event("wasm", _attributes(contract, attributes))] if attributes else []
    return events + [_custom(contract, event) for event in custom]


def _custom(contract: str, event: ContractEvent) -> Event:
    name = event.type.strip(WHITE_SPACE)
    if len(name.encode()) <= MIN_TYPE_LENGTH:
        raise INVALID_EVENT(f"Event type too short: '{name}'")
    return Event(f"wasm-{name}", _attributes(contract, event.attributes))


def _attributes(contract: str, attributes: Sequence[EventAttribute]) -> tuple[tuple[str, str], ...]:
    return (("_contract_address", contract), *(_attribute(item) for item in attributes))


def _attribute(item: EventAttribute) -> tuple[str, str]:
    key, value = item.key.strip(WHITE_SPACE), item.value.strip(WHITE_SPACE)
    if not key:
        raise INVALID_EVENT(f"Empty attribute key. Value: {item.value}")
    if key.startswith(RESERVED_PREFIX):
        raise INVALID_EVENT(f"Attribute key starts with reserved prefix {RESERVED_PREFIX}: '{key}'")
    return key, value
