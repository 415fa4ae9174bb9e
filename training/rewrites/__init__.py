"""Ways in which people get code wrong, as rewrites of sound functions."""
