"""Parameters of x/auth: limits and gas of transactions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache

from cosmos_pb.cosmos.auth.v1beta1 import auth_pb2


@dataclass(frozen=True, slots=True)
class Params:
    """The SDK's defaults (x/auth/types/params.go)."""

    max_memo_characters: int = 256
    tx_sig_limit: int = 7
    tx_size_cost_per_byte: int = 10
    sig_verify_cost_ed25519: int = 590
    sig_verify_cost_secp256k1: int = 1000

    @property
    def sig_verify_cost_secp256r1(self) -> int:
        """No parameter of its own (SigVerifyCostSecp256r1)."""
        return self.sig_verify_cost_secp256k1 // 2

    def to_pb(self) -> auth_pb2.Params:
        return auth_pb2.Params(**asdict(self))


def from_pb(message: auth_pb2.Params) -> Params:
    return Params(
        max_memo_characters=message.max_memo_characters,
        tx_sig_limit=message.tx_sig_limit,
        tx_size_cost_per_byte=message.tx_size_cost_per_byte,
        sig_verify_cost_ed25519=message.sig_verify_cost_ed25519,
        sig_verify_cost_secp256k1=message.sig_verify_cost_secp256k1,
    )


@lru_cache(maxsize=16)
def decode(stored: bytes) -> Params:
    return from_pb(auth_pb2.Params.FromString(stored))
