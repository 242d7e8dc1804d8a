"""IBC v2 as ibc-go v10 has it: packets from client to client, without connections and channels."""
