"""Configurations that ship with Lightship."""

from importlib.resources import files


def reference() -> str:
    """The commented reference configuration."""
    return files(__name__).joinpath("lightship.toml").read_text("utf-8")
