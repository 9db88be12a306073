# Shortcuts. `just` alone lists them.

_default:
    @just --list

# Everything that continuous integration runs
test:
    ./scripts/test

# The tests that need a Kubernetes cluster, which is made for them (as root), or those whose names contain FILTER
test-kubernetes *FILTER:
    ./scripts/test --kubernetes {{ FILTER }}

# Make or remove a Kubernetes cluster of two nodes (as root): `just cluster up`, `just cluster down`
cluster *ARGUMENTS:
    ./scripts/cluster {{ ARGUMENTS }}

# The whole story on a throwaway container
demo:
    ./scripts/demo

# Format, and lint what has changed
fix:
    cargo fmt --all
    cargo clippy --workspace --all-targets --fix --allow-dirty

# End-to-end tests whose names contain FILTER
e2e FILTER="":
    cargo test --package scratchdbg --test e2e {{ FILTER }}

# Fuzz each reader of untrusted input for SECONDS, or those that are named (needs cargo-fuzz)
fuzz SECONDS="60" *TARGETS:
    ./scripts/fuzz {{ SECONDS }} {{ TARGETS }}

# Tests of attach on a kernel with `apparmor` or `selinux`, in a virtual machine (as root on Debian)
security-vm MODULE *TESTS:
    ./scripts/security-vm {{ MODULE }} {{ TESTS }}

# Licenses, bans and sources of the dependencies
deny:
    cargo deny --offline check licenses bans sources

# What is left of tests and sessions that were killed
sweep:
    docker ps --all --quiet --filter name=^/sdbgtest- | xargs --no-run-if-empty docker rm --force
    docker ps --all --quiet --filter label=io.scratchdbg.session | xargs --no-run-if-empty docker rm --force
    docker images --format '{{{{.Repository}}:{{{{.Tag}}' | grep '^sdbgtest-' | xargs --no-run-if-empty docker rmi --force
