"""What `core` connects: parts that reach over several packages."""
