from cosmos_pb._pool import export_messages

export_messages(globals(), "grpc/reflection/v1/reflection.proto")
