from cosmos_pb._grpc import export_services

export_services(globals(), "cosmos/consensus/v1/tx.proto")
