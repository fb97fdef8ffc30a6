"""`python -m supervice.cli` is `supervice`, where the script is not installed."""

from supervice.cli.main import main

main()
