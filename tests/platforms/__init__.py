"""The other CPUs and systems, on this machine: cross compilers, emulators, chroots."""
