"""Light clients: evidence in, trust out. Pure functions over bytes; no I/O and no clock."""
