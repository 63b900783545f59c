"""Where operators look and give orders: a listener of its own, one table of orders, overrides that end by themselves, an audit.

Nothing of the road passes here. The package itself imports nothing, for the command line reads the table, too.
"""
