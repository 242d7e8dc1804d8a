from cosmos_pb._grpc import export_services

export_services(globals(), "ibc/applications/interchain_accounts/controller/v1/query.proto")
