"""``python -m opslib``: the same as the command ``opslib``."""

import sys

from opslib.cli import main

sys.exit(main())
