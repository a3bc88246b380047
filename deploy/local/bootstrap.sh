#!/usr/bin/env bash
# Makes .venv from the hashed lock. Called by make when the lock is newer than the environment.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
  echo "sambandh: $*" >&2
  exit 1
}

# python3.11 first: it is the version that the tests run on most.
find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3 python3.12 python3.13; do
    if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  fail "Python 3.11, 3.12 or 3.13 is needed and none was found: install one (apt-get install python3.11) or name it with PYTHON=..."
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    echo "sambandh: running with sudo: $*"
    sudo "$@"
  else
    fail "this needs root and there is no sudo; run as root: $*"
  fi
}

# Debian and Ubuntu keep ensurepip in a package of its own; without it no environment can be made.
ensure_venv_module() {
  "$python" -c 'import ensurepip, venv' 2>/dev/null && return
  local package
  package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  command -v apt-get >/dev/null || fail "$python cannot make virtual environments: install its venv module"
  echo "sambandh: $python cannot make virtual environments: installing $package with apt-get"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" \
    || fail "$package could not be installed: install it and run make again"
}

python=$(find_python)
ensure_venv_module
echo "sambandh: making .venv with $("$python" --version) (a minute the first time)"
"$python" -m venv .venv || fail "the virtual environment could not be made: remove .venv and check the disk and its permissions"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock \
  || fail "the packages could not be installed: see pip's message above, then run make again"
touch .venv/.installed
