"""`python -m billcopy`."""

from billcopy.cli.app import app

if __name__ == "__main__":
    app(prog_name="python -m billcopy")
