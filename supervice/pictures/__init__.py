"""Answers of the daemon as pictures (SVG), for `supervicectl` and for the page. Pure."""
