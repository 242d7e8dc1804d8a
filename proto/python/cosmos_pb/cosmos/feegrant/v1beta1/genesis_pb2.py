from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/feegrant/v1beta1/genesis.proto")
