"""The ports that keep something: in memory (the default). What is kept outlives a reload, keyed by name."""
