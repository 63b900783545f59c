"""What people and their programs read of a backend: its contract as OpenAPI and as TypeScript types, made from a Description alone."""
