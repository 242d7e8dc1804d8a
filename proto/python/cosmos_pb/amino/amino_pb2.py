from cosmos_pb._pool import export_messages

export_messages(globals(), "amino/amino.proto")
