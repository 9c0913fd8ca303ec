"""`python -m kiseki`: the command line."""

from kiseki.cli.main import main

if __name__ == "__main__":
    main()
