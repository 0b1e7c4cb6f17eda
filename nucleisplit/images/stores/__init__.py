"""One file format each: a lazy array per level, and what its metadata say."""
