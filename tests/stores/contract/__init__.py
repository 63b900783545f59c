"""What every store behind a port must do: one suite, over each of them."""
