"""Verify a balance of a live chain from its node's RPC answers, without trusting the node.

    python examples/verify_balance.py http://127.0.0.1:26657 cosmos1... stake --trust 1234:A1B2...

The one thing that must come from elsewhere is the root of trust: the height and hash of some block within the trusting
period, read from an explorer or from a node of somebody else. Without --trust the chain's newest block is taken, and
then the node could have made up the chain.
"""

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from light_client import answers, bech32
from light_client.commit import LightBlock
from light_client.errors import LightClientError, Mismatch
from light_client.values import NS_PER_SECOND, Timestamp
from light_client.verify import Rules, Trusted, bisect, verify_commit_light

PAGE = 100
BALANCE = b"\x02"  # x/bank: 02, the address with its length before it, the denomination


class Node:
    """A CometBFT node's RPC. Nothing that it says is believed."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def ask(self, route: str, **params: Any) -> Any:
        query = urlencode({name: json.dumps(value) for name, value in params.items()})
        with urlopen(f"{self.url}/{route}?{query}", timeout=10) as response:
            return json.load(response)

    def height(self) -> int:
        return int(answers.result(self.ask("status"))["sync_info"]["latest_block_height"])

    def light_block(self, height: int) -> LightBlock:
        """The header, its commit and its validators; those of the next height may not be known yet."""
        commit = self.ask("commit", height=str(height))
        return answers.light_block(commit, list(self._validators(height)))

    def _validators(self, height: int) -> Iterator[Any]:
        seen, total, page = 0, 1, 0
        while seen < total:
            page += 1
            answer = self.ask("validators", height=str(height), page=str(page), per_page=str(PAGE))
            found = answers.result(answer)
            seen, total = seen + len(found["validators"]), int(found["total"])
            yield answer

    def store(self, name: str, key: bytes, height: int) -> answers.StoreAnswer:
        query = f"/abci_query?path=%22/store/{name}/key%22&data=0x{key.hex()}&height={height}&prove=true"
        with urlopen(self.url + query, timeout=10) as response:
            return answers.store_answer(json.load(response))


def trust(node: Node, height: int, block_hash: bytes | None) -> Trusted:
    """The root of trust: the block with this hash, whatever it is without one."""
    block = node.light_block(height)
    header = block.header
    block.signed_header.validate_basic(header.chain_id)
    if block_hash is not None and block_hash != header.hash():
        raise Mismatch("hash of the trusted block", block_hash, header.hash())
    verify_commit_light(header.chain_id, block.validators, block.commit)
    return Trusted.from_block(block)


def follow(node: Node, root: Trusted, height: int, rules: Rules) -> Trusted:
    """From the root to the header of `height`, by as few headers in between as the validators allow."""
    steps = bisect(root, height, rules, Timestamp.from_ns(time.time_ns()))
    try:
        wanted = next(steps)
        while True:
            print(f"  asking for header {wanted}")
            wanted = steps.send(node.light_block(wanted))
    except StopIteration as done:
        verified: Trusted = done.value
        return verified


def verified_balance(
    node: Node, root: Trusted, address: str, denom: str, rules: Rules
) -> tuple[int, int]:
    """The balance and the block after which it was this much. Raises LightClientError."""
    _, account = bech32.decode(address)
    key = BALANCE + bytes([len(account)]) + account + denom.encode()
    newest = max(node.height(), root.height + 1)
    answer = node.store("bank", key, newest - 1)
    header = follow(node, root, newest, rules)  # the header of H+1 has the app hash of block H
    value = answers.proven(header, answer, "bank", key)
    return int(value or b"0"), answer.height


def main() -> None:
    parser = argparse.ArgumentParser(description="Verify a balance of a live chain.")
    parser.add_argument("node", help="URL of the RPC, such as http://127.0.0.1:26657")
    parser.add_argument("address")
    parser.add_argument("denom")
    parser.add_argument("--trust", metavar="HEIGHT:HASH", help="a block that you trust")
    parser.add_argument("--trusting-days", type=float, default=14, help="less than unbonding takes")
    given = parser.parse_args()
    node = Node(given.node)
    rules = Rules(trusting_period_ns=int(given.trusting_days * 86_400) * NS_PER_SECOND)
    try:
        height, _, block_hash = (given.trust or "").partition(":")
        root = trust(node, int(height or node.height() - 1), bytes.fromhex(block_hash) or None)
        print(f"trusting {root.chain_id} from block {root.height}")
        amount, after = verified_balance(node, root, given.address, given.denom, rules)
    except (LightClientError, OSError, ValueError) as error:
        raise SystemExit(f"NOT verified: {error}") from error
    print(f"verified: {given.address} has {amount} {given.denom} after block {after}")


if __name__ == "__main__":
    main()
