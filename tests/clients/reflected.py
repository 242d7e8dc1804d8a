"""gRPC's reflection client in Python: every description comes from the chain, over the v1alpha service."""

from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from helpers.steps import refused, settings, step

given = settings()
channel = grpc.insecure_channel(given["grpc"])
database = ProtoReflectionDescriptorDatabase(channel)
pool = DescriptorPool(database)


def described() -> int:
    """Every method of every service, with its messages down to the last field."""
    services = database.get_services()
    assert {"cosmos.bank.v1beta1.Query", "cosmwasm.wasm.v1.Query"} <= set(services)
    methods = [method for name in services for method in pool.FindServiceByName(name).methods]
    for method in methods:
        message_factory.GetMessageClass(method.input_type)
        message_factory.GetMessageClass(method.output_type)
    assert len(methods) > len(services) > 10
    return len(methods)


def call(service: str, method: str, **fields: Any) -> Any:
    found = pool.FindServiceByName(service).methods_by_name[method]
    request = message_factory.GetMessageClass(found.input_type)(**fields)
    answer = message_factory.GetMessageClass(found.output_type)
    ask: Any = channel.unary_unary(
        f"/{service}/{method}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString,
    )
    return ask(request)


def balance() -> None:
    answer = call("cosmos.bank.v1beta1.Query", "Balance", address=given["address"], denom="gold")
    assert (answer.balance.denom, answer.balance.amount) == ("gold", "1000000000")


def supply() -> None:
    answer = call("cosmos.bank.v1beta1.Query", "TotalSupply", pagination={"limit": 1})
    assert [coin.denom for coin in answer.supply] == ["gold"]
    assert answer.pagination.next_key == b"stake"


def validators() -> None:
    answer = call("cosmos.staking.v1beta1.Query", "Validators", status="BOND_STATUS_BONDED")
    key = answer.validators[0].consensus_pubkey
    assert key.type_url == "/cosmos.crypto.ed25519.PubKey"


def absent() -> None:
    def block() -> Any:
        return call("cosmos.base.tendermint.v1beta1.Service", "GetBlockByHeight", height=10**9)

    refused(grpc.RpcError, "INVALID_ARGUMENT", block)
    refused(KeyError, "Nothing", lambda: call("cosmos.bank.v1beta1.Query", "Nothing"))


step("every service is described", described)
step("call: a balance", balance)
step("call: a page of the supply", supply)
step("call: a message in an Any", validators)
step("call: what is refused", absent)
