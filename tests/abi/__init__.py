"""The proof of the marshaller against the compiler: random C signatures, called by real C code."""
