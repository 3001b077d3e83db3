"""`python -m leadtrackr`, the same as the command `leadtrackr`."""

from leadtrackr.cli.main import main

# The processes of `serve --processes` import this module under another name.
if __name__ == "__main__":
    main()
