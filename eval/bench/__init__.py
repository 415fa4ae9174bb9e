"""The benchmarks: what runs the tool or the model on cases, and judges what comes back."""
