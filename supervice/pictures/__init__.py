"""Draws answers of the daemon as SVG, for `supervicectl` and for the page. Pure."""
