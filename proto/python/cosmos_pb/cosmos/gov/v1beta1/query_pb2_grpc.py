from cosmos_pb._grpc import export_services

export_services(globals(), "cosmos/gov/v1beta1/query.proto")
