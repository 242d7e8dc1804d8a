"""What this machine reaches: ``python -m benchmarks`` (``make bench``), or a few of them by name.

Each benchmark is a function ``run(quick) -> list[Result]`` in a module of its own. Numbers are for reading beside each
other; docs/benchmarks.md says what was measured once, and where the time goes.
"""
