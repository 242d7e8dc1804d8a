"""gRPC-Web clients as dApps use them: improbable-eng's, which Telescope's code calls, and Google's."""

from base64 import b64encode
from pathlib import Path
from typing import Final

import pytest
from helpers.bring import program
from helpers.clients import provide, run_steps
from helpers.network import PRICE, ChainProcess, chain
from helpers.npm import install

from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from lightship.devnet import Account
from relayer import tx

PACKAGES: Final = (
    "@improbable-eng/grpc-web@0.15.0",
    "@improbable-eng/grpc-web-node-http-transport@0.15.0",
    "google-protobuf@3.21.4",
    "cosmjs-types@0.9.0",
    "grpc-web@1.5.0",
    "xhr2@0.2.1",
)
GAS: Final = 200_000

pytestmark = pytest.mark.xdist_group("grpcweb")


def gift(alpha: ChainProcess, receiver: str) -> bytes:
    """The user's first transaction, signed."""
    sent = bank_tx.MsgSend(
        from_address=alpha.user.address("cosmos"),
        to_address=receiver,
        amount=[coin_pb2.Coin(denom="stake", amount="5")],
    )
    fee = tx.Fee(GAS, (PRICE.fee(GAS),))
    body = tx.body_bytes([tx.pack(sent)])
    return tx.sign(body, alpha.user.signer, tx.Account(alpha.chain_id, 0, 0), fee)


async def test_a_dapp_with_grpc_web(tmp_path: Path) -> None:
    install(tmp_path, *PACKAGES)
    provide(tmp_path, "steps.mjs", "grpcweb.mjs")
    receiver, nobody = (Account.new(name, ()).address("cosmos") for name in ("bob", "nobody"))
    async with chain(tmp_path) as alpha:
        signed = gift(alpha, receiver)
        settings = {
            "rest": alpha.rest,
            "address": alpha.user.address("cosmos"),
            "nobody": nobody,
            "signed": b64encode(signed).decode(),
            "hash": tx.tx_hash(signed),
        }
        steps = await run_steps([program("node"), "grpcweb.mjs"], tmp_path, settings)
    assert "grpc-web: simulate, broadcast and find a transaction" in steps
    assert "Google's grpc-web: text" in steps
