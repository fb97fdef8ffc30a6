"""One file a scenario: TITLE, SOURCE, the kinds of supervisor that it concerns, and `check(world)`, which raises what it sees."""
