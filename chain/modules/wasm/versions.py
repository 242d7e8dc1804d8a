"""What x/wasm does in one way or another by the version of the VM that it embeds: the JSON for contracts, the gas unit.

Sources: wasmvm ``types/{env,submessages,ibc}.go`` and ``lib_libwasmvm.go`` at v1.5.9, v2.0.6, v2.2.6 and v3.0.7; wasmd
``types/gas_register.go`` at v0.45 and v0.51.
"""

from __future__ import annotations

from dataclasses import dataclass

from chain.vm import Era


@dataclass(frozen=True, slots=True)
class Version:
    """``multiplier``: VM gas for one SDK gas."""

    multiplier: int = 140_000
    payloads: bool = True
    """Since 2.0: ``gas_used``, ``payload`` and ``msg_responses`` in replies."""
    migrate_info: bool = True
    """Since 2.2: a third argument of ``migrate``."""
    tx_hash: bool = True
    """Since 3.0: ``hash`` beside the index of the transaction in ``Env``."""
    transfers: bool = True
    """Since 3.0: what arrived, in the destination callback."""


def of_era(era: Era) -> Version:
    major, minor = map(int, era.name.split(".")[:2])
    return Version(
        multiplier=140_000_000 if major < 2 else 140_000,
        payloads=major >= 2,
        migrate_info=(major, minor) >= (2, 2),
        tx_hash=major >= 3,
        transfers=major >= 3,
    )
