"""Protobuf messages and gRPC stubs for Cosmos, CometBFT, IBC and CosmWasm, in their own pool.

Modules are named as upstream's files are: ``from cosmos_pb.ibc.core.channel.v1 import tx_pb2``.
``message_class`` finds a class by its protobuf name; ``POOL`` is what gRPC reflection and
``json_format`` with an ``Any`` inside ask for.
"""

from cosmos_pb._pool import POOL, message_class

__all__ = ["POOL", "message_class"]
