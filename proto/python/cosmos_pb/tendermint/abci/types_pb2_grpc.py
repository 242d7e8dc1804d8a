from cosmos_pb._grpc import export_services

export_services(globals(), "tendermint/abci/types.proto")
