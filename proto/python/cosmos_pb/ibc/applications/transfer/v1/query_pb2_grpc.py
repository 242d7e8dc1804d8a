from cosmos_pb._grpc import export_services

export_services(globals(), "ibc/applications/transfer/v1/query.proto")
