"""XML-RPC: its dialect, its calls and its faults. Meets the rest of the sidecar through ports only."""
