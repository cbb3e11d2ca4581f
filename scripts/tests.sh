#!/usr/bin/env bash
# Run all tests in three lanes, which keep two cores busy.
#
#   tests.sh PYTEST
#
# Each lane takes the next group of tests until none is left. There are more lanes than cores
# because tests that start programs wait for them. What failed is printed again at the end.
set -euo pipefail

pytest=${1:?the pytest to run}
lanes=3

# The longest first, so that all lanes end at about the same time.
groups=(
    "tests/cli/run"
    "tests/proxy"
    "tests/cli --ignore=tests/cli/run"
    "tests/suites tests/lints"
    "tests/project"
    "tests/end_to_end"
    "tests/reloading tests/soak tests/supervisor"
    "tests/decision --cov=gateway.decision --cov-fail-under=100"
    "tests/agreement tests/seeded"
    "tests/settings"
)
named=$(printf '%s\n' ${groups[*]} | grep '^tests/') # word splitting is intended, here and below
groups=("tests $(printf -- '--ignore=%s ' $named)" "${groups[@]}")

# Run pytest so that an interrupt can be passed on to it: a shell makes background processes ignore
# interrupts, and the programs that the tests interrupt would inherit that.
run() {
    env --default-signal=INT "$pytest" "$@" &
    wait $! || {
        echo "pytest $* ended with $?" >>"$GATEWAY_FAILURES"
        status=1
    }
}

# Run the groups that no other lane has taken.
run_groups() {
    local number
    for number in "${!groups[@]}"; do
        if mkdir "$taken/$number" 2>/dev/null; then
            run ${groups[number]}
        fi
    done
}

interrupt() {
    local running
    running=$(jobs -p)
    if [ -n "$running" ]; then
        kill -INT $running 2>/dev/null || true
        wait
    fi
}

status=0
if [ -n "${2:-}" ]; then # one of the other lanes
    taken=$2
    trap 'interrupt; exit 130' INT
    run_groups
    exit "$status"
fi

taken=$(mktemp -d)
export GATEWAY_FAILURES="$taken/failures" # see tests/conftest.py
# The tests start gateways by the hundred, and each would compile the whole package again.
unset PYTHONDONTWRITEBYTECODE
others=()
end() {
    interrupt
    local lane
    for lane in "${!others[@]}"; do
        cat "$taken/log.$lane"
    done
    rm -rf "$taken"
}
trap end EXIT
trap 'exit 130' INT

for ((lane = 1; lane < lanes; lane++)); do
    env --default-signal=INT "$0" "$pytest" "$taken" >"$taken/log.$lane" 2>&1 &
    others[lane]=$!
done
run_groups
for lane in "${!others[@]}"; do
    wait "${others[lane]}" || status=1
    cat "$taken/log.$lane"
    unset "others[lane]"
done
if [ -s "$GATEWAY_FAILURES" ]; then
    echo "what failed:"
    cat "$GATEWAY_FAILURES"
fi
exit "$status"
