from cosmos_pb._grpc import export_services

export_services(globals(), "cosmos/tx/v1beta1/service.proto")
