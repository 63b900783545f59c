"""The flight lane: once per backend call, in a task of its own. Stages never import each other; `pipeline.py` names their order."""
