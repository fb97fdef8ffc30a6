"""One file a scenario: TITLE, SOURCE, whom it concerns, and `check(world)`, which raises what it sees."""
