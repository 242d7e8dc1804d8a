from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/base/reflection/v1beta1/reflection.proto")
