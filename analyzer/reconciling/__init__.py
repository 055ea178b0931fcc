"""A model under every named convention, and the steps from one number to the other."""
