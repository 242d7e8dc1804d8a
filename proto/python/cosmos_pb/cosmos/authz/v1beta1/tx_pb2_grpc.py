from cosmos_pb._grpc import export_services

export_services(globals(), "cosmos/authz/v1beta1/tx.proto")
