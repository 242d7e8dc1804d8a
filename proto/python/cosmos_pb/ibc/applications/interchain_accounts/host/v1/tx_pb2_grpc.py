from cosmos_pb._grpc import export_services

export_services(globals(), "ibc/applications/interchain_accounts/host/v1/tx.proto")
