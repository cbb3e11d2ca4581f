#!/usr/bin/env bash
# Run all tests, those that start whole processes beside the others: each half keeps about one core busy.
#
#   tests.sh PYTEST
set -euo pipefail

pytest=${1:?the pytest to run}
processes="tests/cli tests/end_to_end tests/project tests/soak tests/supervisor"

ignored=$(printf -- '--ignore=%s ' tests/decision $processes)
log=$(mktemp)
beside=
trap '[ -z "$beside" ] || kill "$beside" 2>/dev/null; rm -f "$log"' EXIT

# Word splitting is wanted: one argument per folder.
"$pytest" $processes >"$log" 2>&1 &
beside=$!

# The decision alone first, for its coverage; a red run still shows what else is red.
status=0
"$pytest" tests/decision --cov=gateway.decision --cov-fail-under=100 || status=1
"$pytest" $ignored || status=1
echo "waiting for the tests of whole processes, which run meanwhile: $processes"
wait "$beside" || status=1
beside=
cat "$log"
exit "$status"
