"""Opens, makes, renames, changes and removes files as if a program's user had made them (docs/adr/0019)."""
