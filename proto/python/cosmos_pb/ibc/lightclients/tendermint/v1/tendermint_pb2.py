from cosmos_pb._pool import export_messages

export_messages(globals(), "ibc/lightclients/tendermint/v1/tendermint.proto")
