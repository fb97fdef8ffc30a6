"""Parts that `core` connects and that reach over several packages."""
