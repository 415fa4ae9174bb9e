"""Pure functions over text: lines and offsets, byte-exact edits, unified diffs."""
