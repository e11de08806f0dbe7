"""`python -m app.cli`: the console script without installing."""

from app.cli import main

main()
