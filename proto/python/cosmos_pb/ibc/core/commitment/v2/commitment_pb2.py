from cosmos_pb._pool import export_messages

export_messages(globals(), "ibc/core/commitment/v2/commitment.proto")
