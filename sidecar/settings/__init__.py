"""YAML to Plan. `load` is the door; everything behind it names file, line, column and key of whatever is wrong."""
