from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/consensus/v1/tx.proto")
