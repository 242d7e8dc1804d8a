from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/ics23/v1/proofs.proto")
