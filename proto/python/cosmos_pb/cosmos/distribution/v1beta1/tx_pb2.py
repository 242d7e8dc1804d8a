from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/distribution/v1beta1/tx.proto")
