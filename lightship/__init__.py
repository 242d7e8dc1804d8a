"""Lightship: an IBC relayer that verifies what it reads, with chains and contracts to try it on."""

from lightship.version import VERSION

__version__ = VERSION
__all__ = ["VERSION"]
