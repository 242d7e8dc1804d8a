from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/crypto/ed25519/keys.proto")
