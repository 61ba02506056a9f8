"""``python -m halftrack``."""

from halftrack.commands.main import main

main()
