"""Lightship's embedded chain: real blocks, real proofs, real contracts, in one Python process."""
