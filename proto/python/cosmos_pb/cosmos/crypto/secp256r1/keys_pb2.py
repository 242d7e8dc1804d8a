from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/crypto/secp256r1/keys.proto")
