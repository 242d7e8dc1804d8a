"""What transfers do with tokens (``ibc-go:modules/apps/transfer/keeper/relay.go``), whichever IBC carries them.

A token that leaves home waits in the escrow account of its channel while vouchers of it circulate there; a voucher that
goes back is burned and the token released. A packet that fails or times out undoes what sending did. Under IBC v2 the
identifier of the client stands for the channel.
"""

from __future__ import annotations

from typing import Final

from chain import gojson
from chain.coins import Coin
from chain.context import Context
from chain.errors import AbciError
from chain.modules.auth.module import Auth
from chain.modules.bank.module import Bank
from chain.modules.ibc.errors import IBC_INVALID_ADDRESS, IBC_UNAUTHORIZED, bare, explaining
from chain.modules.transfer import denom as denoms
from chain.modules.transfer import events, store
from chain.modules.transfer.denom import Denom, Hop
from chain.modules.transfer.errors import INVALID_AMOUNT, RECEIVE_DISABLED, SEND_DISABLED
from chain.modules.transfer.packet import TransferData, parse_amount
from cosmos_pb.cosmos.bank.v1beta1 import bank_pb2

PORT: Final = "transfer"
MODULE: Final = "transfer"


class Tokens:
    """Escrow accounts and vouchers."""

    def __init__(self, auth: Auth, bank: Bank) -> None:
        self._auth = auth
        self._bank = bank

    def send(self, ctx: Context, through: Hop, denom: Denom, coin: Coin, sender: str) -> None:
        """``SendTransfer``: burn a voucher that goes home through this channel, put anything else into its escrow."""
        if not store.params(ctx).send_enabled:
            raise bare(SEND_DISABLED)
        if self._is_blocked(sender):
            raise IBC_UNAUTHORIZED(f"{sender} is not allowed to send funds")
        if not self._bank.is_send_enabled(ctx, coin.denom):
            raise SEND_DISABLED(f"{coin.denom} transfers are currently disabled")
        if denom.came_through(through.port, through.channel):
            self._bank.send_to_module(ctx, sender, MODULE, (coin,))
            self._bank.burn(ctx, MODULE, (coin,))
            return
        self._bank.send(ctx, sender, self._escrow(through), (coin,))
        total = store.escrowed(ctx, coin.denom) + coin.amount
        store.set_escrowed(ctx, coin.denom, total)

    def receive(self, ctx: Context, data: TransferData, source: Hop, here: Hop) -> None:
        """Release tokens that come home to ``here``, the other end of ``source``; mint vouchers of all others."""
        with explaining("error validating ICS-20 transfer packet data"):
            data.validate_received()
        if not store.params(ctx).receive_enabled:
            raise bare(RECEIVE_DISABLED)
        self._check_receiver(data.receiver)
        amount, sent = parse_amount(data.amount), data.token
        if sent.came_through(source.port, source.channel):
            coin = Coin(sent.without_last_hop().local, amount)
            self._release(ctx, here, data.receiver, coin)
        else:
            self._mint(ctx, sent.with_hop(here.port, here.channel), amount, data.receiver)

    def refund(self, ctx: Context, data: TransferData, through: Hop) -> None:
        """Give back what ``send`` took."""
        if self._is_blocked(data.sender):
            raise self._barred(data.sender)
        denom = data.token
        coin = Coin(denom.local, parse_amount(data.amount))
        if denom.came_through(through.port, through.channel):
            self._bank.mint(ctx, MODULE, (coin,))
            self._bank.send(ctx, self._auth.module_address(MODULE), data.sender, (coin,))
        else:
            self._release(ctx, through, data.sender, coin)

    # Parts.

    def _mint(self, ctx: Context, denom: Denom, amount: int, receiver: str) -> None:
        if not store.has_denom(ctx, denom.hash):
            store.set_denom(ctx, denom)
        if not self._bank.has_denom_metadata(ctx, denom.local):
            self.describe(ctx, denom)
        events.denomination(ctx, denom)
        voucher = Coin(denom.local, amount)
        with explaining("failed to mint IBC tokens"):
            self._bank.mint(ctx, MODULE, (voucher,))
        with explaining(f"failed to send coins to receiver {receiver}"):
            self._bank.send(ctx, self._auth.module_address(MODULE), receiver, (voucher,))

    def _release(self, ctx: Context, here: Hop, receiver: str, coin: Coin) -> None:
        with explaining(
            "unable to unescrow tokens, this may be caused by a malicious counterparty module "
            "or a bug: please open an issue on counterparty module"
        ):
            self._bank.send(ctx, self._escrow(here), receiver, (coin,))
        total = store.escrowed(ctx, coin.denom) - coin.amount
        if total < 0:
            raise INVALID_AMOUNT(f"amount cannot be negative: {total}")
        store.set_escrowed(ctx, coin.denom, total)

    def describe(self, ctx: Context, denom: Denom) -> None:
        self._bank.set_denom_metadata(
            ctx,
            bank_pb2.Metadata(
                description=f"IBC token from {denom.path}",
                denom_units=[bank_pb2.DenomUnit(denom=denom.base, exponent=0)],
                base=denom.local,
                display=denom.path,
                name=f"{denom.path} IBC token",
                symbol=denom.base.upper(),
            ),
        )

    def _check_receiver(self, receiver: str) -> None:
        try:
            self._auth.address_bytes(receiver)
        except AbciError as error:
            raise IBC_INVALID_ADDRESS(f"failed to decode receiver address: {receiver}") from error
        if self._is_blocked(receiver):
            raise self._barred(receiver)

    def _barred(self, address: str) -> AbciError:
        """ibc-go prints the bytes of the address."""
        shown = gojson.text(self._auth.address_bytes(address))
        return IBC_UNAUTHORIZED(f"{shown} is not allowed to receive funds")

    def _is_blocked(self, address: str) -> bool:
        own = self._auth.module_address(MODULE)
        return address != own and self._bank.is_blocked(address)

    def _escrow(self, here: Hop) -> str:
        return self._auth.address_text(denoms.escrow_address(here.port, here.channel))
