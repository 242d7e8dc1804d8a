"""No file of the vectors is left aside: each stands in a folder that a runner here reads whole."""

import pytest
from helpers.vectors import ROOT

READ_WHOLE = {
    *("abci", "cosmwasm", "ed25519", "hash", "iavl", "ibc_core", "ics20", "ics23"),
    *("light_client", "rpc", "secp256k1", "tendermint_hash", "tx_sign", "wallet"),
}

if not ROOT.is_dir():
    pytest.skip(f"no vectors in {ROOT}", allow_module_level=True)


def test_every_file_has_a_runner() -> None:
    files = [path.relative_to(ROOT) for kind in ("json", "txt") for path in ROOT.rglob(f"*.{kind}")]
    assert files
    unread = [str(path) for path in files if path.parts[0] not in READ_WHOLE]
    assert not unread
