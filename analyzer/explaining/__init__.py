"""How every number comes about, laid out as lessons."""
