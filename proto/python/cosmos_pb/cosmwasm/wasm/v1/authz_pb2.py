from cosmos_pb._pool import export_messages

export_messages(globals(), "cosmwasm/wasm/v1/authz.proto")
