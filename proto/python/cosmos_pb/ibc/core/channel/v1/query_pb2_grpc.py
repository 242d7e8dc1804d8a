from cosmos_pb._grpc import export_services

export_services(globals(), "ibc/core/channel/v1/query.proto")
