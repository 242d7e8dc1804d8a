from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/base/query/v1beta1/pagination.proto")
