from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/tx/v1beta1/service.proto")
