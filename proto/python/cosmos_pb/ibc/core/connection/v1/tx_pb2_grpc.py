from cosmos_pb._grpc import export_services

export_services(globals(), "ibc/core/connection/v1/tx.proto")
