from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmos/staking/v1beta1/authz.proto")
