"""The static checks of an upload, in upstream's order and with its texts.

Source: cosmwasm-vm packages/vm/src/compatibility.rs (check_wasm) and static_analysis.rs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chain.vm import wasm
from chain.vm.errors import StaticValidationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from chain.vm.gas import Era, WasmLimits

ENTRY_POINTS: Final = (
    "instantiate",
    "execute",
    "migrate",
    "sudo",
    "reply",
    "query",
    "ibc_channel_open",
    "ibc_channel_connect",
    "ibc_channel_close",
    "ibc_packet_receive",
    "ibc_packet_ack",
    "ibc_packet_timeout",
    "ibc_source_callback",
    "ibc_destination_callback",
    "ibc2_packet_receive",
    "ibc2_packet_timeout",
    "ibc2_packet_ack",
    "ibc2_packet_send",
)
_IBC_ENTRY_POINTS: Final = frozenset(ENTRY_POINTS[6:12])

BUILT_IN_CAPABILITIES: Final = frozenset(
    {
        "iterator",
        "staking",
        "stargate",
        "ibc2",
        "cosmwasm_1_1",
        "cosmwasm_1_2",
        "cosmwasm_1_3",
        "cosmwasm_1_4",
        "cosmwasm_2_0",
        "cosmwasm_2_1",
        "cosmwasm_2_2",
        "cosmwasm_3_0",
    }
)
"""wasmd's BuiltInCapabilities and cosmwasm_3_0, which wasmd serves but does not list."""

_IMPORTS: Final = (
    "abort",
    "db_read",
    "db_write",
    "db_remove",
    "addr_validate",
    "addr_canonicalize",
    "addr_humanize",
    "bls12_381_aggregate_g1",
    "bls12_381_aggregate_g2",
    "bls12_381_pairing_equality",
    "bls12_381_hash_to_g1",
    "bls12_381_hash_to_g2",
    "secp256k1_verify",
    "secp256k1_recover_pubkey",
    "secp256r1_verify",
    "secp256r1_recover_pubkey",
    "ed25519_verify",
    "ed25519_batch_verify",
    "debug",
    "query_chain",
    "db_scan",
    "db_next",
    "db_next_key",
    "db_next_value",
)
_SINCE_2_1: Final = ("bls12_381_", "secp256r1_")

_INTERFACE_PREFIX: Final = "interface_version_"
_INTERFACE_VERSION: Final = "interface_version_8"
_CAPABILITY_PREFIX: Final = "requires_"


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a chain wants to know of a contract before it calls it."""

    entrypoints: frozenset[str]
    has_ibc_entry_points: bool
    required_capabilities: frozenset[str]
    contract_migrate_version: int | None


def analyze(module: wasm.Module) -> Analysis:
    names = {export.name for export in module.exports if export.kind == wasm.FUNC_KIND}
    return Analysis(
        frozenset(names.intersection(ENTRY_POINTS)),
        names >= _IBC_ENTRY_POINTS,
        _capabilities(names),
        module.migrate_version,
    )


def check(module: wasm.Module, era: Era, capabilities: Collection[str]) -> Analysis:
    """Raises `StaticValidationError` on the first rule that the module breaks."""
    _check_tables(module, era.limits)
    _check_memories(module, era.limits)
    names = {export.name for export in module.exports if export.kind == wasm.FUNC_KIND}
    _check_interface_version(names)
    _check_exports(names, era.required_exports)
    _check_imports(module, era)
    _check_capabilities(_capabilities(names), capabilities)
    _check_functions(module, era.limits)
    return analyze(module)


def _check_tables(module: wasm.Module, limits: WasmLimits) -> None:
    if len(module.tables) > 1:
        raise StaticValidationError("Wasm contract must not have more than 1 table section")
    for table in module.tables:
        if table.maximum is None:
            raise StaticValidationError("Wasm contract must not have unbound table section")
        if table.maximum > limits.table_elements:
            raise StaticValidationError(
                "Wasm contract's first table section has a too large max limit"
            )


def _check_memories(module: wasm.Module, limits: WasmLimits) -> None:
    if len(module.memories) != 1:
        raise StaticValidationError("Wasm contract must contain exactly one memory")
    memory = module.memories[0]
    if memory.minimum > limits.memory_pages:
        raise StaticValidationError(
            f"Wasm contract memory's minimum must not exceed {limits.memory_pages} pages."
        )
    if memory.maximum is not None:
        raise StaticValidationError(
            "Wasm contract memory's maximum must be unset. The host will set it for you."
        )


def _check_interface_version(names: set[str]) -> None:
    markers = [name for name in names if name.startswith(_INTERFACE_PREFIX)]
    if not markers:
        raise StaticValidationError(
            "Wasm contract missing a required marker export: interface_version_*"
        )
    if len(markers) > 1:
        raise StaticValidationError(
            "Wasm contract contains more than one marker export: interface_version_*"
        )
    if markers[0] != _INTERFACE_VERSION:
        raise StaticValidationError(
            "Wasm contract has unknown interface_version_* marker export "
            "(see https://github.com/CosmWasm/cosmwasm/blob/main/packages/vm/README.md)"
        )


def _check_exports(names: set[str], required: tuple[str, ...]) -> None:
    for name in required:
        if name not in names:
            raise StaticValidationError(
                f'Wasm contract doesn\'t have required export: "{name}". '
                f"Exports required by VM: {_quoted(required)}."
            )


def _check_imports(module: wasm.Module, era: Era) -> None:
    if len(module.imports) > era.limits.imports:
        raise StaticValidationError(
            f"Import count exceeds limit. Imports: {len(module.imports)}. "
            f"Limit: {era.limits.imports}."
        )
    supported = supported_imports(era)
    for entry in module.imports:
        if entry.full_name not in supported:
            names = {other.full_name for other in module.imports}
            raise StaticValidationError(
                f'Wasm contract requires unsupported import: "{entry.full_name}". '
                f"Required imports: {_limited(names)}. "
                f"Available imports: {_quoted(supported)}."
            )
        if entry.kind != wasm.FUNC_KIND:
            raise StaticValidationError(
                f'Wasm contract requires non-function import: "{entry.full_name}". '
                "Right now, all supported imports are functions."
            )


def supported_imports(era: Era) -> tuple[str, ...]:
    return tuple(
        f"env.{name}" for name in _IMPORTS if era.new_crypto or not name.startswith(_SINCE_2_1)
    )


def _capabilities(names: Iterable[str]) -> frozenset[str]:
    return frozenset(
        name.removeprefix(_CAPABILITY_PREFIX)
        for name in names
        if name.startswith(_CAPABILITY_PREFIX) and name != _CAPABILITY_PREFIX
    )


def _check_capabilities(required: frozenset[str], available: Collection[str]) -> None:
    missing = required.difference(available)
    if missing:
        raise StaticValidationError(
            f"Wasm contract requires unavailable capabilities: {_limited(missing)}"
        )


def _check_functions(module: wasm.Module, limits: WasmLimits) -> None:
    if len(module.functions) > limits.functions:
        raise StaticValidationError(
            f"Wasm contract contains more than {limits.functions} functions"
        )
    most_params = max((len(kind.params) for kind in module.types), default=0)
    if most_params > limits.function_params:
        raise StaticValidationError(
            f"Wasm contract contains function with more than {limits.function_params} parameters"
        )
    most_results = max((len(kind.results) for kind in module.types), default=0)
    if most_results > limits.function_results:
        raise StaticValidationError(
            f"Wasm contract contains function with more than {limits.function_results} results"
        )
    _check_totals(module, limits)


def _check_totals(module: wasm.Module, limits: WasmLimits) -> None:
    params = sum(len(module.types[index].params) for index in module.functions)
    if limits.total_function_params is not None and params > limits.total_function_params:
        raise StaticValidationError(
            f"Wasm contract contains more than {limits.total_function_params} "
            "function parameters in total"
        )
    most = max((body.locals for body in module.bodies), default=0)
    if limits.function_locals is not None and most > limits.function_locals:
        raise StaticValidationError(
            f"Wasm contract contains function with more than {limits.function_locals} "
            f"locals: {most}"
        )
    total = sum(body.locals for body in module.bodies)
    if limits.total_function_locals is not None and total > limits.total_function_locals:
        raise StaticValidationError(
            f"Wasm contract contains more than {limits.total_function_locals} "
            f"function locals in total: {total}"
        )


def _quoted(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _limited(names: Iterable[str], longest: int = 200) -> str:
    """A sorted set as text of at most `longest` characters (cosmwasm-vm limited.rs)."""
    ordered = sorted(names)
    full = "{" + ", ".join(f'"{name}"' for name in ordered) + "}"
    if len(full) <= longest:
        return full
    for shown in range(len(ordered) - 1, 0, -1):
        head = "{" + ", ".join(f'"{name}"' for name in ordered[:shown])
        text = f"{head}, ... {len(ordered) - shown} more}}"
        if len(text) <= longest:
            return text
    return f"{{... {len(ordered)} elements}}"
