"""Everything that verifying a token needs is loaded early."""

import subprocess
import sys

from gateway.decision.algorithms import ALGORITHMS, fitting_algorithms
from gateway.preload import _samples
from tests.tokens import ALGORITHMS as TESTED

# In a process of its own: here, all of it was loaded long ago.
_PROGRAM = """
import sys
from gateway.preload import preload
preload()
before = set(sys.modules)
import json
from tests.tokens import ALGORITHMS, make_key, mint
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.tokens.signature import verify_signature
pairs = {name: make_key(name) for name in ALGORITHMS}
made = [(mint(private, name, {}), keys) for name, (private, keys) in pairs.items()]
loaded = set(sys.modules)
assert all(verify_signature(parse_compact(token), keys) is None for token, keys in made)
print(sorted(set(sys.modules) - loaded))
print([name for name in sys.argv[1:] if name not in before])
"""

# What `cryptography` imports when the first signature of an elliptic curve is verified.
_BACKEND = "cryptography.hazmat.backends.openssl.backend"


def test_a_first_check_loads_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, _BACKEND, "encodings.idna"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.splitlines() == ["[]", "[]"]


def test_no_algorithm_is_left_out() -> None:
    used = {name for key, _ in _samples() for name in fitting_algorithms(key)}

    assert used == set(ALGORITHMS) == set(TESTED)
