"""Lightship: an IBC relayer that verifies what it reads, with chains and contracts to try it on."""

__version__ = "0.1.0"
