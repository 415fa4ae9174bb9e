"""What a run leaves, and what is made of it: rows, totals, statistics, pages, kept records."""
