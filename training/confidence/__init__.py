"""How the probability of a plausible patch is learned: broken functions, repaired and judged by further calls."""
