"""The runbooks that Bellhop ships: YAML files, explained in README.md."""
