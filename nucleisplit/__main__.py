"""``python -m nucleisplit``: the same program as ``nucleisplit``."""

from nucleisplit.cli.main import main

if __name__ == "__main__":
    main()
