"""Our messages share a process with any other edition of the Cosmos protos."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PYTHON_PATH = Path(__file__).parents[2] / "proto" / "python"
RIVAL = """
from google.protobuf import descriptor_pb2, descriptor_pool
rival = descriptor_pb2.FileDescriptorProto(
    name="cosmos/base/v1beta1/coin.proto", package="cosmos.base.v1beta1", syntax="proto3")
rival.message_type.add(name="Coin").field.add(name="other", number=1, type=3, label=1)
descriptor_pool.Default().AddSerializedFile(rival.SerializeToString())
"""
OURS = """
from cosmos_pb.cosmos.base.v1beta1.coin_pb2 import Coin
assert Coin.FromString(Coin(denom="uatom", amount="7").SerializeToString()).denom == "uatom"
"""
BOTH_STAND = """
theirs = descriptor_pool.Default().FindMessageTypeByName("cosmos.base.v1beta1.Coin")
assert list(theirs.fields_by_name) == ["other"]
assert list(Coin.DESCRIPTOR.fields_by_name) == ["denom", "amount"]
"""


@pytest.mark.parametrize("program", [RIVAL + OURS, OURS + RIVAL], ids=["rival first", "ours first"])
@pytest.mark.parametrize("implementation", ["upb", "python"])
def test_a_rival_coin_in_the_default_pool(program: str, implementation: str) -> None:
    env = {
        **os.environ,
        "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": implementation,
        "PYTHONPATH": str(PYTHON_PATH),
    }
    subprocess.run([sys.executable, "-c", program + BOTH_STAND], env=env, check=True)


def test_messages_leave_grpc_alone() -> None:
    program = "import sys, cosmos_pb.cosmos.bank.v1beta1.query_pb2; sys.exit('grpc' in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(PYTHON_PATH)}
    subprocess.run([sys.executable, "-c", program], env=env, check=True)
