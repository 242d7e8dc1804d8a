from cosmos_pb._grpc import export_services

export_services(globals(), "cosmos/gov/v1/query.proto")
