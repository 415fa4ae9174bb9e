"""The oracle: candidates run against an overlay, away from the user's tree."""
