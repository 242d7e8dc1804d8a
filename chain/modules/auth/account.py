"""What the chain knows of an account, and how it is stored.

That is an Any of BaseAccount, ModuleAccount or InterchainAccount.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from chain import keys
from chain.errors import PANIC, TX_DECODE, UNPACK_ANY, AbciError
from chain.keys import AccountKey
from cosmos_pb.cosmos.auth.v1beta1 import auth_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.applications.interchain_accounts.v1 import account_pb2

BASE_ACCOUNT: Final = "/cosmos.auth.v1beta1.BaseAccount"
MODULE_ACCOUNT: Final = "/cosmos.auth.v1beta1.ModuleAccount"
INTERCHAIN_ACCOUNT: Final = "/ibc.applications.interchain_accounts.v1.InterchainAccount"


@dataclass(frozen=True, slots=True)
class Account:
    """``module`` is the name of the module that owns the account, ``owner`` the port on another chain that does.

    Both are empty for all others.
    """

    address: str
    number: int
    sequence: int = 0
    pub_key: AccountKey | None = None
    module: str = ""
    permissions: tuple[str, ...] = ()
    owner: str = ""

    def with_key(self, pub_key: AccountKey) -> Account:
        return replace(self, pub_key=pub_key)

    def next(self) -> Account:
        """The account after one more transaction."""
        return Account(
            self.address,
            self.number,
            self.sequence + 1,
            self.pub_key,
            self.module,
            self.permissions,
            self.owner,
        )

    def base(self) -> auth_pb2.BaseAccount:
        return auth_pb2.BaseAccount(
            address=self.address,
            pub_key=self.pub_key.to_any() if self.pub_key else None,
            account_number=self.number,
            sequence=self.sequence,
        )

    def to_any(self) -> any_pb2.Any:
        if self.owner:
            owned = account_pb2.InterchainAccount(
                base_account=self.base(), account_owner=self.owner
            )
            return any_pb2.Any(type_url=INTERCHAIN_ACCOUNT, value=owned.SerializeToString())
        if not self.module:
            return any_pb2.Any(type_url=BASE_ACCOUNT, value=self.base().SerializeToString())
        message = auth_pb2.ModuleAccount(
            base_account=self.base(), name=self.module, permissions=self.permissions
        )
        return any_pb2.Any(type_url=MODULE_ACCOUNT, value=message.SerializeToString())

    def encode(self) -> bytes:
        return self.to_any().SerializeToString()


def from_any(packed: any_pb2.Any) -> Account:
    """Unpack an account; sdk/34 for a type that is none of the three."""
    if packed.type_url == BASE_ACCOUNT:
        return _from_base(auth_pb2.BaseAccount.FromString(packed.value))
    if packed.type_url == MODULE_ACCOUNT:
        message = auth_pb2.ModuleAccount.FromString(packed.value)
        base = _from_base(message.base_account)
        return replace(base, module=message.name, permissions=tuple(message.permissions))
    if packed.type_url == INTERCHAIN_ACCOUNT:
        owned = account_pb2.InterchainAccount.FromString(packed.value)
        return replace(_from_base(owned.base_account), owner=owned.account_owner)
    raise UNPACK_ANY(f"account type {packed.type_url} is not supported")


@lru_cache(maxsize=16_384)
def decode(stored: bytes) -> Account:
    return from_any(any_pb2.Any.FromString(stored))


def _from_base(message: auth_pb2.BaseAccount) -> Account:
    return Account(
        address=message.address,
        number=message.account_number,
        sequence=message.sequence,
        pub_key=_key(message.pub_key) if message.HasField("pub_key") else None,
    )


def _key(packed: any_pb2.Any) -> AccountKey:
    """The account itself is one of the ten messages that may be inside one another."""
    try:
        return keys.from_any(packed, keys.MAX_DEPTH - 1)
    except AbciError as error:
        reason = error.log.removesuffix(f": {TX_DECODE.text}")
        raise PANIC(f"recovered: collections: encoding error: value decode: {reason}") from error
