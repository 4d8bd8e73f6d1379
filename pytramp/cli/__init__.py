"""The commands of ``python -m pytramp``: a module each, with ``run(arguments)``."""
