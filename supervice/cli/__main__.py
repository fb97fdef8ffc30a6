"""Runs `python -m supervice.cli` as `supervice`, where the script is not installed."""

from supervice.cli.main import main

main()
