"""The package's public names, and its low level encodings."""

import subprocess
import sys

import pytest

import light_client
from light_client import wire


def test_every_listed_name_is_there_and_lives_below() -> None:
    for name in light_client.__all__:
        value = getattr(light_client, name)
        assert getattr(value, "__module__", "light_client.proofs").startswith("light_client.")
    assert sorted(light_client.__all__) == sorted(light_client._HOME)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = light_client.nonsense


def test_a_small_module_does_not_load_protobuf() -> None:
    code = "import sys, light_client.bech32; sys.exit('google.protobuf' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_package_does_not_need_grpc() -> None:
    code = (
        "import sys; sys.path.append('proto/python'); import light_client.client, "
        "light_client.rpcjson; sys.exit('grpc' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, "00"), (127, "7f"), (128, "8001"), (-1, "ff" * 9 + "01"), (2**64 - 1, "ff" * 9 + "01")],
)
def test_varints(value: int, encoded: str) -> None:
    assert wire.uvarint(value).hex() == encoded
    assert wire.read_uvarint(bytes.fromhex(encoded), 0) == (value % 2**64, len(encoded) // 2)


@pytest.mark.parametrize("encoded", ["", "80", "ff" * 9 + "02", "ff" * 10 + "01"])
def test_broken_varints(encoded: str) -> None:
    with pytest.raises(ValueError, match="varint"):
        wire.read_uvarint(bytes.fromhex(encoded), 0)


@pytest.mark.parametrize("value", [0, 1, -1, 63, -64, 64, 2**62, -(2**63), 2**63 - 1])
def test_zigzag_integers_come_back(value: int) -> None:
    assert wire.read_zigzag(b"\0" + wire.zigzag(value), 1)[0] == value
