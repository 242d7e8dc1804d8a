from cosmos_pb._grpc import export_services

export_services(globals(), "cosmos/base/reflection/v1beta1/reflection.proto")
