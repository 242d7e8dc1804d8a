from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/base/reflection/v2alpha1/reflection.proto")
