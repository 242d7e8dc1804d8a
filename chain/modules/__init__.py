"""The modules of the embedded chain, each after its namesake in the Cosmos SDK, ibc-go or wasmd."""
