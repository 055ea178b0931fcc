"""Exact formulas for how a model's cost grows with sizes."""
