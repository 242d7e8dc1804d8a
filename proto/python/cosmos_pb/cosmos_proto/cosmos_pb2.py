from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos_proto/cosmos.proto")
