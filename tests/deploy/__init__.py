"""What is shipped beside the code: read as those read it who run it, and held against the code that it speaks of."""
