"""Dialects and protocols: how callers speak and how backends do. They see the seam (ports, model, states) and nothing else."""
