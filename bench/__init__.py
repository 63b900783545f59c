"""What a call costs and what stays behind: `python -m bench` measures against bare aiohttp and peers, `bench.soak` looks for growth.

Nothing of the product imports it. Every server it starts is on loopback, a process of its own, and ended by it.
"""
