"""gRPC queries of x/wasm (wasmd ``x/wasm/keeper/querier.go``)."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.errors import INVALID_REQUEST
from chain.gas import GasMeter
from chain.modules.pagination import paginate
from chain.modules.status import not_found
from chain.modules.wasm import errors, keys
from chain.modules.wasm.keeper import Keeper
from chain.modules.wasm.querier import check_json
from chain.router import QueryRouter
from cosmos_pb.cosmos.base.query.v1beta1.pagination_pb2 import PageRequest, PageResponse
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2 as query
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2 as wasm_pb

SERVICE: Final = "/cosmwasm.wasm.v1.Query/"
SMART_QUERY_GAS_LIMIT: Final = 3_000_000
POSITION_LENGTH: Final = 16


class Queries:
    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def register(self, router: QueryRouter) -> None:
        for name, request, handler in (
            ("ContractInfo", query.QueryContractInfoRequest, self.contract_info),
            ("ContractHistory", query.QueryContractHistoryRequest, self.contract_history),
            ("ContractsByCode", query.QueryContractsByCodeRequest, self.contracts_by_code),
            ("AllContractState", query.QueryAllContractStateRequest, self.all_state),
            ("RawContractState", query.QueryRawContractStateRequest, self.raw_state),
            ("SmartContractState", query.QuerySmartContractStateRequest, self.smart_state),
            ("Code", query.QueryCodeRequest, self.code),
            ("Codes", query.QueryCodesRequest, self.codes),
            ("CodeInfo", query.QueryCodeInfoRequest, self.code_info),
            ("PinnedCodes", query.QueryPinnedCodesRequest, self.pinned_codes),
            ("Params", query.QueryParamsRequest, self.params),
            ("ContractsByCreator", query.QueryContractsByCreatorRequest, self.by_creator),
            ("WasmLimitsConfig", query.QueryWasmLimitsConfigRequest, self.limits),
            ("BuildAddress", query.QueryBuildAddressRequest, self.build_address),
        ):
            router.register(SERVICE + name, request, handler)

    def contract_info(
        self, ctx: Context, request: query.QueryContractInfoRequest
    ) -> query.QueryContractInfoResponse:
        info = self._info(ctx, request.address)
        return query.QueryContractInfoResponse(address=request.address, contract_info=info)

    def contract_history(
        self, ctx: Context, request: query.QueryContractHistoryRequest
    ) -> query.QueryContractHistoryResponse:
        prefix = keys.history(self._keeper.auth.address_bytes(request.address))
        entries, page = paginate(
            ctx.kv("wasm"),
            prefix,
            request.pagination,
            lambda _, value: wasm_pb.ContractCodeHistoryEntry.FromString(value),
        )
        return query.QueryContractHistoryResponse(entries=entries, pagination=page)

    def contracts_by_code(
        self, ctx: Context, request: query.QueryContractsByCodeRequest
    ) -> query.QueryContractsByCodeResponse:
        if request.code_id == 0:
            raise errors.INVALID("code id")
        contracts, page = self._indexed(ctx, keys.by_code(request.code_id), request.pagination)
        return query.QueryContractsByCodeResponse(contracts=contracts, pagination=page)

    def by_creator(
        self, ctx: Context, request: query.QueryContractsByCreatorRequest
    ) -> query.QueryContractsByCreatorResponse:
        creator = self._keeper.auth.address_bytes(request.creator_address)
        contracts, page = self._indexed(ctx, keys.by_creator(creator), request.pagination)
        return query.QueryContractsByCreatorResponse(contract_addresses=contracts, pagination=page)

    def all_state(
        self, ctx: Context, request: query.QueryAllContractStateRequest
    ) -> query.QueryAllContractStateResponse:
        self._info(ctx, request.address)
        raw = self._keeper.auth.address_bytes(request.address)
        models, page = paginate(
            ctx.kv("wasm"),
            keys.contract_store(raw),
            request.pagination,
            lambda key, value: wasm_pb.Model(key=key, value=value),
        )
        return query.QueryAllContractStateResponse(models=models, pagination=page)

    def raw_state(
        self, ctx: Context, request: query.QueryRawContractStateRequest
    ) -> query.QueryRawContractStateResponse:
        self._info(ctx, request.address)
        raw = self._keeper.auth.address_bytes(request.address)
        data = self._keeper.raw(ctx, raw, request.query_data) if request.query_data else b""
        return query.QueryRawContractStateResponse(data=data or b"")

    def smart_state(
        self, ctx: Context, request: query.QuerySmartContractStateRequest
    ) -> query.QuerySmartContractStateResponse:
        """At most SMART_QUERY_GAS_LIMIT of gas, whatever the node allows otherwise."""
        check_json(request.query_data, "invalid query data")
        limit = min(SMART_QUERY_GAS_LIMIT, ctx.gas.remaining or SMART_QUERY_GAS_LIMIT)
        inner = ctx.fork(GasMeter(limit))
        data = self._keeper.query(inner, request.address, request.query_data)
        return query.QuerySmartContractStateResponse(data=data)

    def code(self, ctx: Context, request: query.QueryCodeRequest) -> query.QueryCodeResponse:
        info = self._code(ctx, request.code_id)
        return query.QueryCodeResponse(
            code_info=self._shown(request.code_id, info), data=self._keeper.vm.code(info.code_hash)
        )

    def codes(self, ctx: Context, request: query.QueryCodesRequest) -> query.QueryCodesResponse:
        infos, page = paginate(
            ctx.kv("wasm"),
            keys.CODE,
            request.pagination,
            lambda key, value: self._shown(
                int.from_bytes(key, "big"), wasm_pb.CodeInfo.FromString(value)
            ),
        )
        return query.QueryCodesResponse(code_infos=infos, pagination=page)

    def code_info(
        self, ctx: Context, request: query.QueryCodeInfoRequest
    ) -> query.QueryCodeInfoResponse:
        info = self._code(ctx, request.code_id)
        return query.QueryCodeInfoResponse(
            code_id=request.code_id,
            creator=info.creator,
            checksum=info.code_hash,
            instantiate_permission=info.instantiate_config,
        )

    def pinned_codes(
        self, ctx: Context, request: query.QueryPinnedCodesRequest
    ) -> query.QueryPinnedCodesResponse:
        ids, page = paginate(
            ctx.kv("wasm"),
            keys.PINNED,
            request.pagination,
            lambda key, _: int.from_bytes(key, "big"),
        )
        return query.QueryPinnedCodesResponse(code_ids=ids, pagination=page)

    def params(self, ctx: Context, _: query.QueryParamsRequest) -> query.QueryParamsResponse:
        return query.QueryParamsResponse(params=self._keeper.params(ctx))

    def limits(
        self, _: Context, __: query.QueryWasmLimitsConfigRequest
    ) -> query.QueryWasmLimitsConfigResponse:
        return query.QueryWasmLimitsConfigResponse(config="{}")

    def build_address(
        self, _: Context, request: query.QueryBuildAddressRequest
    ) -> query.QueryBuildAddressResponse:
        try:
            checksum, salt = bytes.fromhex(request.code_hash), bytes.fromhex(request.salt)
        except ValueError as error:
            raise INVALID_REQUEST(f"invalid code hash or salt: {error}") from error
        creator = self._keeper.auth.address_bytes(request.creator_address)
        raw = keys.predictable_address(checksum, creator, salt, request.init_args)
        return query.QueryBuildAddressResponse(address=self._keeper.auth.address_text(raw))

    # -- pieces

    def _info(self, ctx: Context, address: str) -> wasm_pb.ContractInfo:
        info = self._keeper.contract_info(ctx, self._keeper.auth.address_bytes(address))
        if info is None:
            raise errors.no_such_contract(address)
        return info

    def _code(self, ctx: Context, code_id: int) -> wasm_pb.CodeInfo:
        if code_id == 0:
            raise errors.INVALID("code id")
        info = self._keeper.code_info(ctx, code_id)
        if info is None:
            raise not_found(f"code id {code_id}")
        return info

    def _indexed(
        self, ctx: Context, prefix: bytes, page: PageRequest
    ) -> tuple[list[str], PageResponse]:
        """Addresses at the end of index keys: position (16 bytes), then the contract."""
        text = self._keeper.auth.address_text
        return paginate(ctx.kv("wasm"), prefix, page, lambda key, _: text(key[POSITION_LENGTH:]))

    def _shown(self, code_id: int, info: wasm_pb.CodeInfo) -> query.CodeInfoResponse:
        return query.CodeInfoResponse(
            code_id=code_id,
            creator=info.creator,
            data_hash=info.code_hash,
            instantiate_permission=info.instantiate_config,
        )
