from cosmos_pb._pool import export_messages

export_messages(globals(), "ibc/applications/transfer/v1/authz.proto")
