from cosmos_pb._pool import export_messages

export_messages(globals(), "ibc/applications/interchain_accounts/host/v1/tx.proto")
