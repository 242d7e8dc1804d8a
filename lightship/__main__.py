"""``python -m lightship`` is the command."""

from lightship.cli.app import main

main()
