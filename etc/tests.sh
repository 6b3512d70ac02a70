# Sourced by ./check and etc/pythons, from the top of the clone: which tests there are.

# Without a reactor they share nothing, so they run on both halves of a small machine.
tests_without_reactor() {
    find tests -name 'test_*.py' ! -path 'tests/integration/*' ! -path 'tests/rig/*' | sort
}

# Those of what stands closest to Twisted: they are to run under its own runner as well.
tests_for_trial() {
    find tests/web tests/store tests/client -name 'test_*.py' | sort
}
