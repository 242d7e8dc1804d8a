from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/vesting/v1beta1/vesting.proto")
