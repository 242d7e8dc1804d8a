from cosmos_pb._grpc import export_services

export_services(globals(), "grpc/reflection/v1/reflection.proto")
