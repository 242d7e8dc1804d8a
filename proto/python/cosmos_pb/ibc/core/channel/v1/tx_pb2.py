from cosmos_pb._pool import export_messages

export_messages(globals(), "ibc/core/channel/v1/tx.proto")
