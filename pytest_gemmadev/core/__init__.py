"""What every door shares: pure functions over text, and the repair loop. Standard library only."""
