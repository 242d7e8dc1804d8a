"""Protobuf messages and gRPC stubs of Cosmos, CometBFT, IBC and CosmWasm, in a descriptor pool of their own."""
