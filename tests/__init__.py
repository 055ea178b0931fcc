"""The suite. Modules bear the name of what they test."""
