"""What contracts in WAT that answer with Regions have in common, over a global ``$top`` where free memory begins."""

from typing import Final

REGIONS: Final = """
  (func $region (param $at i32) (param $length i32) (result i32) (local $made i32)
    (local.set $made (global.get $top))
    (global.set $top (i32.add (global.get $top) (i32.const 16)))
    (i32.store (local.get $made) (local.get $at))
    (i32.store offset=4 (local.get $made) (local.get $length))
    (i32.store offset=8 (local.get $made) (local.get $length))
    (local.get $made))
  (func (export "interface_version_8"))
  (func (export "allocate") (param $length i32) (result i32) (local $at i32)
    (local.set $at (global.get $top))
    (global.set $top (i32.and
      (i32.add (i32.add (global.get $top) (local.get $length)) (i32.const 15)) (i32.const -16)))
    (call $region (local.get $at) (local.get $length)))
  (func (export "deallocate") (param i32))
"""
"""``$region`` makes one of an address and a length; memory that is allocated is never free again."""
