"""Events as subscribers and the index see them: ``type.attribute`` to values, and the bus that
carries them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chain import gojson
from chain.node import abcijson
from chain.node.block import tx_hash
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import codec, rpcjson
from light_client.validators import Validator

if TYPE_CHECKING:
    from chain.node.blockstore import StoredBlock


def flatten(events: Iterable[abci.Event], *, indexed_only: bool = False) -> dict[str, list[str]]:
    """Values by ``type.attribute`` in order; events and attributes without a name are left out."""
    found: dict[str, list[str]] = {}
    for event in events:
        if not event.type:
            continue
        for attribute in event.attributes:
            if attribute.key and (attribute.index or not indexed_only):
                found.setdefault(f"{event.type}.{attribute.key}", []).append(attribute.value)
    return found


@dataclass
class Event:
    """One thing that happened. What it carries is made when the first subscriber wants it."""

    name: str
    attributes: Callable[[], dict[str, list[str]]]
    data: Callable[[], dict[str, Any]]

    @cached_property
    def events(self) -> dict[str, list[str]]:
        """Values by ``type.attribute``, and the event's name under ``tm.event``."""
        found = self.attributes()
        return {**found, "tm.event": [*found.get("tm.event", ()), self.name]}

    @cached_property
    def json(self) -> dict[str, Any]:
        """The ``data`` and ``events`` of a subscription's result."""
        data = {"type": f"tendermint/event/{self.name}", "value": self.data()}
        return {"data": data, "events": self.events}

    @cached_property
    def encoded(self) -> bytes:
        """``json`` without its opening brace: the same bytes for every subscriber."""
        return gojson.encode(self.json)[1:]


def block_events(stored: StoredBlock) -> Iterator[Event]:
    """What a new block makes known, in CometBFT's order (``state/execution.go`` fireEvents)."""
    results, height = stored.results, stored.height
    header = stored.header

    def own() -> dict[str, list[str]]:
        return flatten(results.events)

    yield Event("NewBlock", own, lambda: _new_block(stored))
    yield Event("NewBlockHeader", dict, lambda: {"header": rpcjson.header_to_json(header)})
    yield Event(
        "NewBlockEvents",
        own,
        lambda: {
            "height": str(height),
            "events": abcijson.events(results.events),
            "num_txs": str(len(stored.block.txs)),
        },
    )
    for index, (tx, result) in enumerate(zip(stored.block.txs, results.tx_results, strict=True)):
        yield tx_event(height, index, tx, result)
    if results.validator_updates:
        yield _validator_set_updates(results)


def tx_event(height: int, index: int, tx: bytes, result: abci.ExecTxResult) -> Event:
    def attributes() -> dict[str, list[str]]:
        events = flatten(result.events)
        events.setdefault("tx.hash", []).append(rpcjson.to_hex(tx_hash(tx)))
        events.setdefault("tx.height", []).append(str(height))
        return events

    place = {"height": str(height), **({"index": index} if index else {})}

    def data() -> dict[str, Any]:
        tx_json = {"tx": rpcjson.to_base64(tx), "result": abcijson.event_result(result)}
        return {"TxResult": {**place, **tx_json}}

    return Event("Tx", attributes, data)


def _new_block(stored: StoredBlock) -> dict[str, Any]:
    return {
        "block": stored.block.to_json(),
        "block_id": rpcjson.block_id_to_json(stored.block_id),
        "result_finalize_block": abcijson.finalize_block(stored.results),
    }


def _validator_set_updates(results: abci.ResponseFinalizeBlock) -> Event:
    changed = [
        Validator(codec.public_key_from_pb(each.pub_key), each.power)
        for each in results.validator_updates
    ]
    return Event(
        "ValidatorSetUpdates",
        dict,
        lambda: {"validator_updates": rpcjson.validators_to_json(changed)},
    )
