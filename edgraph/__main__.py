"""`python -m edgraph` is `edgraph`."""

import sys

from edgraph.cli.main import main

sys.exit(main())
