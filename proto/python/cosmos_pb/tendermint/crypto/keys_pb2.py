from cosmos_pb._pool import export_messages

export_messages(globals(), "tendermint/crypto/keys.proto")
