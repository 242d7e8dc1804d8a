"""IAVL trees under a simple-Merkle multistore: state, its root and its proofs."""
