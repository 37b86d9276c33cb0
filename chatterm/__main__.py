"""``python -m chatterm``."""

from chatterm.start import main

if __name__ == "__main__":
    main()
