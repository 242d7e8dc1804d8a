from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/gov/v1/query.proto")
