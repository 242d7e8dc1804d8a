from cosmos_pb._pool import export_messages

export_messages(globals(), "ibc/core/connection/v1/connection.proto")
