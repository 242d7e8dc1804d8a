from cosmos_pb._pool import export_messages

export_messages(globals(), "ibc/lightclients/wasm/v1/wasm.proto")
