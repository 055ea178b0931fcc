"""Budgets: what a model may cost, what it does, and whether that is within bounds."""
