from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/mint/v1beta1/mint.proto")
