"""The side that asks: starts processes, hands them candidates, and judges what they report."""
