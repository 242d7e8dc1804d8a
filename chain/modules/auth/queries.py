"""Queries of x/auth (cosmos.auth.v1beta1.Query)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chain.context import Context
from chain.errors import unregistered
from chain.modules.auth import account as accounts
from chain.modules.auth.account import Account
from chain.modules.pagination import paginate
from chain.modules.status import invalid_argument, not_found
from chain.router import QueryRouter
from cosmos_pb.cosmos.auth.v1beta1 import query_pb2

if TYPE_CHECKING:
    from chain.modules.auth.module import Auth

SERVICE = "/cosmos.auth.v1beta1.Query/"


class Queries:
    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def register(self, queries: QueryRouter) -> None:
        for method, request, handler in (
            ("Accounts", query_pb2.QueryAccountsRequest, self.accounts),
            ("Account", query_pb2.QueryAccountRequest, self.account),
            ("AccountAddressByID", query_pb2.QueryAccountAddressByIDRequest, self.address_by_id),
            ("AccountInfo", query_pb2.QueryAccountInfoRequest, self.account_info),
            ("Params", query_pb2.QueryParamsRequest, self.params),
            ("ModuleAccounts", query_pb2.QueryModuleAccountsRequest, self.module_accounts),
            ("ModuleAccountByName", query_pb2.QueryModuleAccountByNameRequest, self.by_name),
            ("Bech32Prefix", query_pb2.Bech32PrefixRequest, self.bech32_prefix),
            ("AddressBytesToString", query_pb2.AddressBytesToStringRequest, self.to_string),
            ("AddressStringToBytes", query_pb2.AddressStringToBytesRequest, self.to_bytes),
        ):
            queries.register(SERVICE + method, request, handler)

    def accounts(
        self, ctx: Context, request: query_pb2.QueryAccountsRequest
    ) -> query_pb2.QueryAccountsResponse:
        found, page = paginate(
            ctx.kv("acc"),
            b"\x01",
            request.pagination,
            lambda _, stored: accounts.decode(stored).to_any(),
        )
        return query_pb2.QueryAccountsResponse(accounts=found, pagination=page)

    def account(
        self, ctx: Context, request: query_pb2.QueryAccountRequest
    ) -> query_pb2.QueryAccountResponse:
        found = self._require(ctx, request.address)
        return query_pb2.QueryAccountResponse(account=found.to_any())

    def account_info(
        self, ctx: Context, request: query_pb2.QueryAccountInfoRequest
    ) -> query_pb2.QueryAccountInfoResponse:
        found = self._require(ctx, request.address, "address cannot be empty")
        return query_pb2.QueryAccountInfoResponse(info=found.base())

    def address_by_id(
        self, ctx: Context, request: query_pb2.QueryAccountAddressByIDRequest
    ) -> query_pb2.QueryAccountAddressByIDResponse:
        """The REST path names the field that is no more answered, here as in the SDK."""
        if request.id:
            raise invalid_argument(
                "requesting with id isn't supported, try to request using account-id"
            )
        raw = self._auth.address_of_number(ctx, request.account_id)
        if raw is None:
            raise not_found(f"account address not found with account number {request.account_id}")
        return query_pb2.QueryAccountAddressByIDResponse(
            account_address=self._auth.address_text(raw)
        )

    def params(
        self, ctx: Context, _: query_pb2.QueryParamsRequest
    ) -> query_pb2.QueryParamsResponse:
        return query_pb2.QueryParamsResponse(params=self._auth.params(ctx).to_pb())

    def module_accounts(
        self, ctx: Context, _: query_pb2.QueryModuleAccountsRequest
    ) -> query_pb2.QueryModuleAccountsResponse:
        passing = ctx.fork()
        names = sorted(self._auth.permissions)
        found = [self._auth.ensure_module_account(passing, name) for name in names]
        return query_pb2.QueryModuleAccountsResponse(
            accounts=[account.to_any() for account in found]
        )

    def by_name(
        self, ctx: Context, request: query_pb2.QueryModuleAccountByNameRequest
    ) -> query_pb2.QueryModuleAccountByNameResponse:
        """An account that does not exist yet is shown with the number that it would get now."""
        if not request.name:
            raise invalid_argument("module name is empty")
        if request.name not in self._auth.permissions:
            raise not_found(f"account {request.name} not found")
        found = self._auth.ensure_module_account(ctx.fork(), request.name)
        return query_pb2.QueryModuleAccountByNameResponse(account=found.to_any())

    def bech32_prefix(
        self, _: Context, __: query_pb2.Bech32PrefixRequest
    ) -> query_pb2.Bech32PrefixResponse:
        return query_pb2.Bech32PrefixResponse(bech32_prefix=self._auth.prefix)

    def to_string(
        self, _: Context, request: query_pb2.AddressBytesToStringRequest
    ) -> query_pb2.AddressBytesToStringResponse:
        if not request.address_bytes:
            raise unregistered("empty address bytes is not allowed")
        text = self._auth.address_text(request.address_bytes)
        return query_pb2.AddressBytesToStringResponse(address_string=text)

    def to_bytes(
        self, _: Context, request: query_pb2.AddressStringToBytesRequest
    ) -> query_pb2.AddressStringToBytesResponse:
        raw = self._auth.address_bytes(request.address_string)
        return query_pb2.AddressStringToBytesResponse(address_bytes=raw)

    def _require(
        self, ctx: Context, address: str, empty: str = "Address cannot be empty"
    ) -> Account:
        if not address:
            raise invalid_argument(empty)
        found = self._auth.account(ctx, address)
        if found is None:
            raise not_found(f"account {address} not found")
        return found
