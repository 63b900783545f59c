"""The doctor: each look by itself, and at real sockets, certificates and clocks that are wrong on purpose."""
