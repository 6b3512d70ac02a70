# Sourced by ./serve, ./check and the Makefile, from the top of the clone: makes the
# virtual environment and installs Raydel into it, once and after each change of what
# it is made of.
#
#   virtualenv_install <directory> <extras> [<python>]
#
# <extras> is "" for what the server needs, "[test]" for what its tests need.

say() {
    printf 'raydel: %s\n' "$*" >&2
}

# A version manager's shim can be found and still not run, so each one is tried.
is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for python in python3 python3.13 python3.12 python3.11; do
        if is_recent "$python"; then
            echo "$python"
            return
        fi
    done
    say "Python 3.11 or newer is needed; on Debian and Ubuntu:" \
        "apt-get install python3 python3-venv"
    return 1
}

# Nobody's machine is changed unasked: only a build machine, where nobody can be
# asked, runs the line itself.
#
#   need_package <package> <what is missing without it>
need_package() {
    set -- "$2" "apt-get install -y --no-install-recommends $1"
    if [ -n "${CI:-}" ] && [ "$(id -u)" = 0 ]; then
        apt-get update -q && $2
    else
        say "$1 is missing here; this installs it: $2"
        return 1
    fi
}

# Debian packages the venv module on its own.
need_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null ||
        need_package "$(basename "$1")-venv" "'$1 -m venv'"
}

# By content, not by time: a checkout touches files without changing them.
fingerprint() {
    cat setup.py pyproject.toml raydel/__init__.py | cksum
}

virtualenv_install() {
    stamp="$1/installed$2"
    [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ] && return
    if ! [ -x "$1/bin/python" ]; then
        python=${3:-$(find_python)} || return
        need_venv "$python" && "$python" -m venv "$1" || return
    fi
    say "installing into $1; this takes a minute, once"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check \
        --editable ".$2" || return
    fingerprint >"$stamp"
}
