"""What differs between the releases of wasmd that a contract can notice: its VM, the JSON it reads, what it is charged.

Sources: wasmd ``go.mod`` (the VM and the SDK), ``x/wasm/types/gas_register.go``, ``x/wasm/keeper/{keeper,relay,
handler_plugin,handler_plugin_encoders,msg_dispatcher}.go`` at the tags named; wasmvm ``types/{env,submessages,ibc}.go``
and ``lib_libwasmvm.go`` at v1.5.9, v2.0.6, v2.2.6 and v3.0.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from chain.sdk import SDK_47, SDK_50, SDK_54, Sdk
from chain.vm import ERAS, VM, Era


@dataclass(frozen=True, slots=True)
class Version:
    """A release of wasmd, by default the one that chains follow unless told otherwise.

    ``multiplier``: VM gas for one SDK gas; ``vm``: the name of its VM's era.
    """

    name: str = "0.61.14"
    vm: str = "3.0.9"
    multiplier: int = 140_000
    payloads: bool = True
    """``gas_used``, ``payload`` and ``msg_responses`` in replies."""
    migrate_info: bool = True
    """A third argument of ``migrate``."""
    migrate_versions: bool = True
    """Whether ``migrate`` is left out between codes of the same migrate version; the old code is read for it."""
    tx_hash: bool = True
    """``hash`` beside the index of the transaction in ``Env``."""
    transfers: bool = True
    """What arrived, in the destination callback."""
    ibc2_port: bool = True
    """A port of IBC v2 in the record of every contract."""
    discounted_setup: int = 2_000
    """SDK gas of a call to a code that is warm, and of a reply."""
    warms_in_tx: bool = True
    """Whether a code that this transaction called before is warm; a pinned one always is."""
    async_acks: bool = True
    """Whether a contract that answers a packet with no acknowledgement may give one later, or gives an empty one."""
    ibc_setup: bool = True
    """Whether the entry points of IBC pay for their set-up (CWA-2025-005)."""
    pin_cost: int = 500_000
    """SDK gas of pinning and of unpinning; where there is such a cost, all pinned codes are read each time, too."""
    any_cost: int = 5
    any_cost_per_kib: int = 1
    max_any: int | None = 512 * 1024
    """Bytes of an ``any`` message."""
    max_depth: int | None = 100
    """Of messages inside messages."""
    replies_deepen: bool = True
    """Whether what replies ask for counts as deeper."""
    tells_message_errors: bool = True
    """Whether a contract reads the text of another contract's refusal of its message, or just a code."""
    tells_query_errors: bool = True
    sdk: Sdk = SDK_50
    """What accounts, coins and the application charge beside x/wasm."""


_OLDEST: Final = Version(
    "0.45.0",
    "1.5.0",
    multiplier=140_000_000,
    payloads=False,
    migrate_info=False,
    migrate_versions=False,
    tx_hash=False,
    transfers=False,
    ibc2_port=False,
    discounted_setup=0,
    warms_in_tx=False,
    async_acks=False,
    ibc_setup=False,
    pin_cost=0,
    any_cost=0,
    any_cost_per_kib=0,
    max_any=None,
    max_depth=None,
    replies_deepen=False,
    tells_message_errors=False,
    tells_query_errors=False,
    sdk=SDK_47,
)


def _releases() -> list[Version]:
    """Each that changed something; a release of the same line that is not here is as the one before it."""
    v46 = replace(_OLDEST, name="0.46.0", vm="1.5.6", max_depth=500)
    v50 = replace(_OLDEST, name="0.50.0", sdk=SDK_50)
    v51 = replace(
        v50,
        name="0.51.0",
        vm="2.0.0",
        multiplier=140_000,
        payloads=True,
        discounted_setup=2_000,
        tells_message_errors=True,
    )
    v52 = replace(
        v51,
        name="0.52.0",
        vm="2.1.0",
        tells_query_errors=True,
        async_acks=True,
        migrate_versions=True,
    )
    v53 = replace(v52, name="0.53.0", vm="2.1.2", max_depth=500)
    v54 = replace(v53, name="0.54.0", vm="2.2.0", migrate_info=True, warms_in_tx=True)
    v54_1 = replace(v54, name="0.54.1", vm="2.2.2", ibc_setup=True)
    v54_3 = replace(v54_1, name="0.54.3", max_depth=100, replies_deepen=True)
    v54_6 = replace(v54_3, name="0.54.6", pin_cost=500_000)
    v54_7 = replace(v54_6, name="0.54.7", max_any=512 * 1024)
    v55 = replace(v54, name="0.55.0", any_cost=5)
    v60 = replace(v55, name="0.60.0", max_depth=100)
    v60_1 = replace(v60, name="0.60.1", vm="2.2.2", ibc_setup=True)
    v60_2 = replace(v60_1, name="0.60.2", replies_deepen=True)
    v60_5 = replace(v60_2, name="0.60.5", pin_cost=500_000)
    v60_6 = replace(v60_5, name="0.60.6", any_cost_per_kib=1, max_any=512 * 1024)
    newest = Version()
    v61_10 = replace(newest, name="0.61.10", vm="3.0.0")
    v61_8 = replace(v61_10, name="0.61.8", any_cost_per_kib=0, max_any=None)
    v61_6 = replace(v61_8, name="0.61.6", pin_cost=0)
    v70 = replace(newest, name="0.70.0", vm="3.0.0", sdk=SDK_54)
    return [
        *(_OLDEST, v46, v50, v51, v52, v53),
        replace(v53, name="0.53.1", vm="2.1.4"),
        replace(v53, name="0.53.3", vm="2.1.4", ibc_setup=True),
        *(v54, v54_1, v54_3, v54_6, v54_7),
        replace(v54_7, name="0.54.9", vm="2.2.9"),
        v55,
        replace(v55, name="0.55.1", vm="2.2.2", ibc_setup=True),
        *(v60, v60_1, v60_2, v60_5, v60_6),
        replace(v60_6, name="0.60.8", vm="2.2.9"),
        replace(v61_6, name="0.61.0", replies_deepen=False),
        *(v61_6, v61_8, v61_10, newest),
        *(v70, replace(v70, name="0.70.3", vm=newest.vm)),
    ]


RELEASES: Final[Mapping[str, Version]] = MappingProxyType(
    {version.name: version for version in _releases()}
)
DEFAULT: Final = Version()
"""The newest of the line that was compared with running chains of wasmd."""


class Rules:
    """The release that a chain follows: one object, which everything that asks shares, and the chain's VM with it."""

    def __init__(self, vm: VM) -> None:
        self.vm = vm
        self.version = of_era(vm.era)

    def follow(self, name: str) -> None:
        """Go by another release, or by the newest with a VM of another era. ValueError if neither is known."""
        self.version = named(name)
        self.vm.change_era(ERAS[self.version.vm])


def named(name: str) -> Version:
    """A release of wasmd (``0.53.2``), or the one that goes with an era of its VM (``2.1.7``); ValueError."""
    if name in ERAS:
        return of_era(ERAS[name])
    wanted = _numbers(name)
    line = [version for version in RELEASES.values() if _numbers(version.name)[:2] == wanted[:2]]
    known = [version for version in line if _numbers(version.name) <= wanted]
    if not known or len(wanted) != 3:
        lines = sorted({_numbers(version)[:2] for version in RELEASES})
        raise ValueError(
            f"there is no wasmd {name!r} nor an era of its VM with this name; known are the releases of "
            f"{', '.join(f'{major}.{minor}' for major, minor in lines)} and the eras {', '.join(ERAS)}"
        )
    return replace(known[-1], name=name)


def of_era(era: Era) -> Version:
    """The newest release whose VM is of an era, or else the newest of the nearest era before.

    None is newer than the default: the 0.70 line, whose SDK makes account numbers in another way, is chosen by name.
    """
    behind = [
        version
        for version in RELEASES.values()
        if _numbers(version.vm) <= _numbers(era.name)
        and _numbers(version.name) <= _numbers(DEFAULT.name)
    ]
    latest = max(behind, key=lambda version: (_numbers(version.vm), _numbers(version.name)))
    return replace(latest, vm=era.name)


def _numbers(name: str) -> tuple[int, ...]:
    """Of a version; () for what is none."""
    parts = name.split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()
