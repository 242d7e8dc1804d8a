"""A node of the key-value application as a process: ``python -m helpers.kv_node HOME``; prints its
RPC URL.
"""

import asyncio
import sys
from pathlib import Path

from helpers.kv_app import build, genesis, keys

from chain.node import Node, NodeConfig, Pace


async def run(home: Path) -> None:
    signers = keys(3)
    config = NodeConfig(pace=Pace(interval=0.05, instant=True))
    node = await Node.open(home, genesis(signers), signers, config=config, build=build)
    await node.start()
    await node.serve()
    print(node.rpc_url, flush=True)  # noqa: T201
    await node.wait()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
