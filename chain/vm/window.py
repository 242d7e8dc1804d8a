"""The window: a second memory of a metered module, of one page, which the contract cannot see.

The host knows where it lies, so that most calls need no other access to an instance. In it lie what goes into compiled
code and out of it (see `gates`): a head of which this is the layout, and behind it contents of Regions.
"""

from __future__ import annotations

from typing import Final

SIZE: Final = 1 << 16
DATA: Final = 128
"""Where contents of Regions begin, one behind the other."""
ROOM: Final = SIZE - DATA

# --- the head

GAS: Final = 0  # i64: what is left
MODE: Final = 8  # i32: of a host function; the number of what the gate is to call
ARGUMENTS: Final = 12  # up to four i32
LANE: Final = 28  # i32: of the gate; what it leaves there is how it went
RESULT: Final = 32  # i64
DEPTH: Final = 40  # i32: 0, or one more than the depth of calls that the straight lane has come to
OPEN: Final = 44  # i32: the lane in which host functions are called at this moment
CALL_COST: Final = 48  # i64, and so the following: of a host function
READ_COST: Final = 56  # of a Region that is read
READ_BYTE_COST: Final = 64
WRITE_COST: Final = 72
WRITE_BYTE_COST: Final = 80
COSTS: Final = slice(CALL_COST, WRITE_BYTE_COST + 8)
PRICES: Final = "<5q"
"""All five."""

# --- into the gate

INTO: Final = "<qiIIIIi"
"""From `GAS`: the gas, the number, three arguments, nothing, the lane.

The lane is 0 for the long one, where the function gets the arguments. For the straight one it is flags and `COUNT`
times the number of arguments, which are the lengths of what lies in the window."""
READS, WRITES, COUNT = 1, 2, 4
"""Flags of the straight lane: host functions that only read, and those that write, take it."""

OUT_OF: Final = "<q20xiq"
"""From `GAS`: the gas, how it went, the result."""
DONE, UNREAD, UNPLACED = 0, 1, 2
"""How it went. The result of the straight lane is the length of what the contract gave, or the Region where it is
left to be read, or (`UNPLACED` and the argument's place) the Region that an argument could not go to."""

# --- out to a host function

CALLED: Final = "<qiIIII"
"""From `GAS`: the gas, the mode, four arguments."""
STRAIGHT, PLACE = 8, 9
"""Modes. In the straight lane the lengths of Regions are the arguments. `PLACE` asks for what the host answered there
to be written to the Region that is the first argument. All others are the long lane, and what `DEPTH` is."""
ENTERED, DEEPEST = 2, 3
"""`DEPTH` in the entry point and the helpers, and in allocate for what a host function answered."""

ANSWER: Final = "<q24xQ"
"""From `GAS`: the gas, the result; what lies between becomes zero. In the straight lane the result is the length of the
answer, or `NOTHING`."""
NOTHING: Final = 0xFFFFFFFF
