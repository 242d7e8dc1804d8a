from cosmos_pb._pool import export_messages

export_messages(globals(), "ibc/core/client/v2/genesis.proto")
