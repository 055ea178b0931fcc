"""Two models and more, and a named reason for every difference between them."""
