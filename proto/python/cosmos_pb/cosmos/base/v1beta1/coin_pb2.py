from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/base/v1beta1/coin.proto")
