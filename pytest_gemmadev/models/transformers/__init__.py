"""Models through transformers, peft and bitsandbytes."""
