"""Programs that make generated documentation; not part of the wheel. `make docs` runs them."""
