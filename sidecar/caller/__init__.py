"""The caller lane: once per client request, outermost first. Stages never import each other; `pipeline.py` names their order."""
