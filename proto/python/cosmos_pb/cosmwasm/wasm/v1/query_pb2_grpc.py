from cosmos_pb._grpc import export_services

export_services(globals(), "cosmwasm/wasm/v1/query.proto")
