"""Plugin stub."""
