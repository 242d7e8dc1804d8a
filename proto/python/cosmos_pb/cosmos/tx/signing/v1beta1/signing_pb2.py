from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/tx/signing/v1beta1/signing.proto")
