"""What leaves a run: exported and blended adapters, their card, what ships, and how it is made."""
