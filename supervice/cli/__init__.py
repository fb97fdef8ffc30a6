"""The two commands. Only this package and `client` print, and only this package exits."""
