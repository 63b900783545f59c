"""The fragile box office, the shop page in front of it and the crowd that comes: what the sidecar is shown and measured with.

It stands on both ends of the road and imports nothing of it, so that it cannot agree with the sidecar by accident.
"""
