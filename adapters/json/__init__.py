"""JSON: how failures are written for pages and programs. Meets the rest of the sidecar through ports only."""
