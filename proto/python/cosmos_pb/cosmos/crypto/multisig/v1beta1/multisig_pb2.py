from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/crypto/multisig/v1beta1/multisig.proto")
