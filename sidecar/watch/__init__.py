"""Events on their way outside. Nothing here blocks the loop, and nothing on the road waits for it."""
