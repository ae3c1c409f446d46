"""Print the table of differences, for gateway/wire/README.md."""

import sys

from tests.conformance.table import differences

sys.stdout.write(differences() + "\n")
