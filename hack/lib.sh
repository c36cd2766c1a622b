# Shared by the scripts in hack/ and e2e/ (sourced, not run): messages, timing, and the checks of the machine.
# shellcheck shell=bash

repository=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Seconds with a tenth, since the first argument (a value of now_ms).
now_ms() { date +%s%3N; }
since() {
  local ms=$(($(now_ms) - $1))
  printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# section TITLE COMMAND …: runs it, and prints title and time on one line each.
section() {
  local title=$1 start status=0
  shift
  start=$(now_ms)
  say "== $title"
  "$@" || status=$?
  say "== $title: $(since "$start")$([ "$status" = 0 ] || printf ' (failed: %s)' "$status")"
  return "$status"
}

# `version_at_least 24.1 20` is true: compares dotted numbers.
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

need_linux() {
  [ "$(uname -s)" = Linux ] || die "Gantry runs on Linux only, and this is $(uname -s)"
  version_at_least "$(uname -r | cut -d- -f1)" 5.10 ||
    die "the kernel is $(uname -r); Gantry needs 5.10 or newer"
  case $(uname -m) in
    x86_64 | aarch64) ;;
    *) die "this is $(uname -m); Gantry is built for x86_64 and aarch64" ;;
  esac
}

need_root() { [ "$(id -u)" = 0 ] || die "needs root (namespaces, mounts, cgroups): run it with sudo"; }

# Any Node from 20 on will do: it only runs npm, which brings the Node that Gantry itself runs on.
need_node() {
  command -v node >/dev/null && command -v npm >/dev/null ||
    die "needs Node.js 20 or newer with npm, and $(command -v node >/dev/null && echo npm || echo node) is missing. \
Install it from your distribution ('apt-get install nodejs npm') or from nodejs.org, then run this again"
  local found
  found=$(node --version)
  version_at_least "${found#v}" 20 || die "needs Node.js 20 or newer, and $(command -v node) is $found"
}
