from cosmos_pb._grpc import export_services

export_services(globals(), "ibc/core/client/v1/tx.proto")
