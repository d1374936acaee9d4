"""Values of the field, made of the standard library only: nothing here reads, writes or connects."""
