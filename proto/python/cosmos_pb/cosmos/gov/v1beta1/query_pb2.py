from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/gov/v1beta1/query.proto")
