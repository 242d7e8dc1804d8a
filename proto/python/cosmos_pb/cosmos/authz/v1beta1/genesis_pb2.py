from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/authz/v1beta1/genesis.proto")
