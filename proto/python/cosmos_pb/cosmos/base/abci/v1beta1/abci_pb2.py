from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/base/abci/v1beta1/abci.proto")
