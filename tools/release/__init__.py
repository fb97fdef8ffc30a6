"""Programs that make what is published; not part of the wheel. `make release` and `make publish` run them."""
