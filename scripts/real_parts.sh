#!/usr/bin/env bash
# Install the real programs that tests and benchmarks run against, or name those that are missing.
#
#   real_parts.sh install [bench|soak]   as root on Debian: install what is missing; otherwise do nothing
#   real_parts.sh missing [bench|soak]   name what is missing, and what was not run for want of it
set -euo pipefail

verb=${1:?install or missing}
set_of_parts=${2:-test}

# program  package         what it is for
test_parts="
nginx      nginx           the service in the end-to-end tests, and a proxy beside which the corpus is played
haproxy    haproxy         another proxy beside which the corpus is played
node       nodejs          runs the certified OpenID provider of the end-to-end tests
npm        npm             installs that provider, as locked
openssl    openssl         a client that says what it sees of TLS, and an authority
prometheus prometheus      scrapes a gateway, evaluates the alert rules and fills the dashboard
promtool   prometheus      checks and tests the alert rules, and checks the metrics
kustomize  kustomize       builds the Kubernetes manifests as a cluster gets them
systemd-analyze systemd    checks the systemd units, and systemd itself runs them
redis-server redis-server  counts requests of several gateways
chromium-headless-shell chromium-headless-shell  has pages that ask for answers of other origins
java       default-jdk-headless  its HTTP client, which offers HTTP/2 with every request
curl       curl            an HTTP client that does so with --http2
ip         iproute2        brings up the network of the machine on which systemd does
"
bench_parts="
nginx      nginx           the service behind every proxy, and a proxy to compare with
haproxy    haproxy         a proxy to compare with
wrk        wrk             load as fast as it is answered
h2load     nghttp2-client  load at a fixed rate
redis-server redis-server  counts requests in the row about rate limits
taskset    util-linux      one core for each side
"
soak_parts="
slowhttptest slowhttptest  slow headers, slow bodies and slow reading, in front of the soak
"

missing_parts() {
    local parts=$test_parts program package purpose
    [ "$set_of_parts" = bench ] && parts=$bench_parts
    [ "$set_of_parts" = soak ] && parts=$soak_parts
    while read -r program package purpose; do
        # Debian keeps nginx and haproxy in /usr/sbin, which a plain user's PATH may lack.
        if [ -n "$program" ] && ! PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null; then
            echo "$program $package $purpose"
        fi
    done <<<"$parts"
}

install_parts() {
    local packages
    packages=$(missing_parts | awk '{print $2}')
    [ -n "$packages" ] || return 0
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
    echo "installing" $packages >&2
    apt-get update -qq
    # Word splitting is wanted: one argument per package. No recommended extras, no questions,
    # and no service is started: the tests start their own on free ports.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -qq -y --no-install-recommends $packages >/dev/null
}

name_missing() {
    local program package purpose
    missing_parts | while read -r program package purpose; do
        echo "not run for want of $program (Debian package $package): $purpose"
    done
}

case $verb in
install) install_parts ;;
missing) name_missing ;;
*) echo "usage: real_parts.sh install|missing [bench|soak]" >&2 && exit 2 ;;
esac
