"""How long a report takes and how much memory, beside every tool that runs in process."""
