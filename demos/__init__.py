"""What a person runs first: each demonstration is a sub-command of `python -m demos`."""
