"""SOAP: its dialects, its service descriptions and their rewriting. Meets the rest of the sidecar through ports only."""
