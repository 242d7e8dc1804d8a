"""Ten seconds of damaged input for every decoder of the light client, the same on every run of a machine's speed.

The coverage-guided form of this is tests/fuzz/light_client_decoders.py.
"""

import random
import time

import pytest
from helpers.decoders import DECODERS, Decoder

from light_client.errors import LightClientError

SECONDS = 10.0
SEED = 2026


def damaged(source: random.Random, decoder: Decoder) -> bytes:
    data = bytearray(source.choice(decoder.seeds))
    for _ in range(source.randint(1, 6)):
        at = source.randint(0, len(data))
        match source.randint(0, 4):
            case 0:
                data[at : at + 1] = bytes([source.randrange(256)])
            case 1:
                del data[at : at + source.randint(1, 8)]
            case 2:
                data[at:at] = source.randbytes(source.randint(1, 8))
            case 3:
                data[at:at] = data[: source.randint(0, 40)]
            case _:
                other = source.choice(decoder.seeds)
                data[at:] = other[source.randint(0, len(other)) :]
    return bytes(data)


@pytest.mark.parametrize("name", DECODERS)
def test_damage_ends_in_a_value_or_in_our_error(name: str) -> None:
    decoder, source = DECODERS[name], random.Random(f"{SEED} {name}")
    for seed in decoder.seeds:
        decoder.decode(seed)
    deadline = time.monotonic() + SECONDS / len(DECODERS)
    tried = 0
    while time.monotonic() < deadline:
        data = damaged(source, decoder)
        tried += 1
        try:
            decoder.decode(data)
        except LightClientError:
            continue
        except Exception as error:  # noqa: BLE001 - what else escapes is what we look for
            pytest.fail(f"{type(error).__name__} for {data.hex()}: {error}")
    assert tried > 100
