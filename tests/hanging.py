"""How long a test waits for what must come, before it says that it hangs."""

from typing import Final

# No test measures speed: this only keeps one that waits for ever from holding up the run. It
# must be long enough for a machine whose cores are all busy with something else.
LIMIT_SECONDS: Final = 180.0
