"""The values of the domain, built on the standard library only: nothing here reads, writes or connects."""
