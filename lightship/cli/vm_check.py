"""``lightship vm check``: would a chain take these contracts?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lightship.cli.output import json_option, show
from lightship.cli.values import release

if TYPE_CHECKING:
    from chain.vm import VM


@click.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--available-capabilities",
    metavar="A,B",
    help="What the chain has (default: what wasmd 0.61.14 has).",
)
@click.option(
    "--era", help="Rules of a wasmd (0.53.2) or a cosmwasm-vm (2.2.2); default: wasmd 0.61.14."
)
@json_option
def check(
    files: Sequence[Path], available_capabilities: str | None, era: str | None, as_json: bool
) -> int:
    """Check compiled contracts (.wasm): the static rules of a chain, and that they compile.

    The verdicts are those of cosmwasm-check. The exit code is 1 if any contract fails.
    """
    from chain.vm import BUILT_IN_CAPABILITIES, ERAS, VM  # noqa: PLC0415 - heavy

    known = BUILT_IN_CAPABILITIES
    if available_capabilities is not None:
        known = frozenset(filter(None, available_capabilities.split(",")))
    vm = VM(capabilities=known, era=ERAS[release(era).vm])
    try:
        found = [_verdict(vm, path) for path in files]
    finally:
        vm.close()
    failed = sum(not each["pass"] for each in found)
    show({"contracts": found, "failed": failed}, as_json=as_json, text=_told(found, failed))
    return 1 if failed else 0


def _verdict(vm: VM, path: Path) -> dict[str, Any]:
    from chain.vm import VmError  # noqa: PLC0415

    code = path.read_bytes()
    about: dict[str, Any] = {"file": str(path)}
    try:
        analysis = vm.check(code)
        checksum = vm.store_code(code)
    except VmError as error:
        return {**about, "pass": False, "error": str(error)}
    return {
        **about,
        "pass": True,
        "checksum": checksum.hex(),
        "requires": sorted(analysis.required_capabilities),
        "entry_points": sorted(analysis.entrypoints),
        "migrate_version": analysis.contract_migrate_version,
    }


def _told(found: Sequence[dict[str, Any]], failed: int) -> str:
    lines = []
    for each in found:
        lines.append(f"{each['file']}: {'pass' if each['pass'] else 'failure'}")
        if not each["pass"]:
            lines.append(f"  {each['error']}")
    total = len(found)
    passed = f"All contracts ({total}) passed checks!"
    return "\n".join(
        [*lines, f"Passes: {total - failed}, failures: {failed}" if failed else passed]
    )
