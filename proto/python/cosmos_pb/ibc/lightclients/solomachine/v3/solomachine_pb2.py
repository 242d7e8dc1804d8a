from cosmos_pb._pool import export_messages

export_messages(globals(), "ibc/lightclients/solomachine/v3/solomachine.proto")
