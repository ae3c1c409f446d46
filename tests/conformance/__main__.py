"""Write the table of differences into gateway/wire/README.md."""

from tests.conformance.document import write

write()
