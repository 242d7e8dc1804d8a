"""Messages of x/staking that delegators send (cosmos-sdk x/staking/keeper/msg_server.go).

Validators here are data, and so are delegations: what the SDK refuses is refused in its words, and what it would do is
refused with sdk/37.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

from google.protobuf.message import Message

from chain import coins
from chain.context import Context
from chain.errors import INVALID_ADDRESS, INVALID_REQUEST, NOT_SUPPORTED, AbciError, unregistered
from chain.gas import READ_COST_FLAT
from chain.modules import grants
from chain.modules.auth.module import Auth
from chain.modules.staking import errors
from chain.router import MessageRouter
from cosmos_pb.cosmos.staking.v1beta1 import staking_pb2
from cosmos_pb.cosmos.staking.v1beta1 import tx_pb2 as tx

if TYPE_CHECKING:
    from chain.modules.staking.module import Staking

UNMOVED: Final = "delegations of this chain are those of its genesis"


class Messages:
    def __init__(self, auth: Auth, staking: Staking) -> None:
        self._auth = auth
        self._staking = staking

    def register(self, messages: MessageRouter) -> None:
        for message, handler in (
            (tx.MsgDelegate, self.delegate),
            (tx.MsgUndelegate, self.undelegate),
            (tx.MsgBeginRedelegate, self.redelegate),
            (tx.MsgCancelUnbondingDelegation, self.cancel),
        ):
            messages.register(message, handler, _delegator, grants.check)

    def delegate(self, ctx: Context, msg: tx.MsgDelegate) -> Message:
        self._check_addresses(msg, validator=msg.validator_address)
        _check_amount(msg, "invalid delegation amount")
        self._validator(ctx, msg.validator_address)
        self._check_denom(ctx, msg)
        _refuse()

    def undelegate(self, ctx: Context, msg: tx.MsgUndelegate) -> Message:
        self._check_addresses(msg, validator=msg.validator_address)
        _check_amount(msg, "invalid shares amount")
        self._check_delegation(ctx, msg, msg.validator_address)
        self._check_denom(ctx, msg)
        _refuse()

    def redelegate(self, ctx: Context, msg: tx.MsgBeginRedelegate) -> Message:
        source, target = msg.validator_src_address, msg.validator_dst_address
        self._check_addresses(msg, **{"source validator": source, "destination validator": target})
        _check_amount(msg, "invalid shares amount")
        self._check_delegation(ctx, msg, source)
        self._check_denom(ctx, msg)
        if self._staking.operator_bytes(source) == self._staking.operator_bytes(target):
            raise errors.SELF_REDELEGATION("")
        if self._staking.validator(ctx, target) is None:
            raise errors.BAD_REDELEGATION_DST("")
        _refuse()

    def cancel(self, ctx: Context, msg: tx.MsgCancelUnbondingDelegation) -> Message:
        """Nothing is ever unbonding, so that this always ends as it does on a chain where nothing is."""
        self._check_addresses(msg, validator=msg.validator_address)
        _check_amount(msg, "invalid amount")
        if msg.creation_height <= 0:
            raise INVALID_REQUEST("invalid height")
        self._check_denom(ctx, msg)
        self._validator(ctx, msg.validator_address)
        ctx.gas.consume(READ_COST_FLAT, "ReadFlat")
        raise unregistered(
            "rpc error: code = NotFound desc = unbonding delegation with delegator "
            f"{msg.delegator_address} not found for validator {msg.validator_address}"
        )

    def _check_addresses(self, msg: Any, **operators: str) -> None:
        for which, operator in operators.items():
            try:
                self._staking.operator_bytes(operator)
            except AbciError as error:
                raise INVALID_ADDRESS(f"invalid {which} address: {error}") from error
        try:
            self._auth.address_bytes(msg.delegator_address)
        except AbciError as error:
            raise INVALID_ADDRESS(f"invalid delegator address: {error}") from error

    def _validator(self, ctx: Context, operator: str) -> staking_pb2.Validator:
        found = self._staking.validator(ctx, operator)
        if found is None:
            raise errors.NO_VALIDATOR("")
        return found

    def _check_delegation(self, ctx: Context, msg: Any, operator: str) -> None:
        """``ValidateUnbondAmount``, as far as there is something to unbond."""
        self._validator(ctx, operator)
        if self._staking.delegation(ctx, msg.delegator_address, operator) is None:
            raise errors.NO_DELEGATION("")

    def _check_denom(self, ctx: Context, msg: Any) -> None:
        expected = self._staking.bond_denom(ctx)
        if msg.amount.denom != expected:
            raise INVALID_REQUEST(
                f"invalid coin denomination: got {msg.amount.denom}, expected {expected}"
            )


def _delegator(msg: Any) -> tuple[str]:
    return (msg.delegator_address,)


def _check_amount(msg: Any, text: str) -> None:
    (amount,) = coins.from_pb([msg.amount])
    if not coins.is_denom(amount.denom) or amount.amount <= 0:
        raise INVALID_REQUEST(text)


def _refuse() -> NoReturn:
    raise NOT_SUPPORTED(UNMOVED)
