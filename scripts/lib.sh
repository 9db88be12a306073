# shellcheck shell=bash
# What the scripts share. Sourced, never run.

# say WORDS...: one line of progress, on stderr.
say() { printf '==> %s\n' "$*" >&2; }

# die WHAT [REMEDY...]: one line that says what is wrong, one line for each remedy, and status 1.
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  if [ $# -gt 0 ]; then printf '  hint: %s\n' "$@" >&2; fi
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# can_install: are we root on a Debian (or a distribution derived from it)?
can_install() {
  [ "$(id -u)" -eq 0 ] && have apt-get && [ -r /etc/os-release ] &&
    grep -Eq '^(ID|ID_LIKE)=.*debian' /etc/os-release
}

apt_lists_are_fresh=no

# install_packages WHY PACKAGE...: with apt-get where can_install holds; elsewhere says what is missing and ends.
install_packages() {
  local why=$1
  shift
  can_install || die "$why" "install $* (Debian's names) with your package manager, or run this as root on Debian"
  say "$why: installing $* with apt-get"
  export DEBIAN_FRONTEND=noninteractive
  # What apt-get prints is of interest only when it fails.
  local log
  log=$(mktemp)
  if [ "$apt_lists_are_fresh" = no ]; then
    apt-get -q update >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; die "apt-get update failed"; }
    apt_lists_are_fresh=yes
  fi
  apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends "$@" >"$log" 2>&1 ||
    { cat "$log" >&2; rm -f "$log"; die "apt-get install $* failed"; }
  rm -f "$log"
}

# ensure_rust_builds: cargo, and a C compiler (rustc links with it, and one dependency is partly C).
ensure_rust_builds() {
  have cargo || die "cargo is not on PATH" \
    "install Rust $(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml) or newer: https://rustup.rs"
  have cc || install_packages "there is no C compiler" gcc libc6-dev
}

# ensure_rust_checks: what formatting and linting need.
ensure_rust_checks() {
  have cargo-fmt || die "cargo fmt is not installed" "rustup component add rustfmt"
  have cargo-clippy || die "cargo clippy is not installed" "rustup component add clippy"
}

# ensure_referees: the other tools that the tests hold results against, the registry that they push to, the shells that
# complete, and the browser that opens reports. Without them those tests fail: none is skipped.
ensure_referees() {
  local missing=() program
  for program in docker-registry podman skopeo umoci oci-image-tool openssl zsh fish chromium; do
    # The package of each is called as the program is.
    have "$program" || missing+=("$program")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  install_packages "the tests need ${missing[*]}" "${missing[@]}"
  stop_registry_service "${missing[@]}"
}

# stop_registry_service PACKAGE...: where docker-registry was one of those just installed. The package's own service is a
# registry that anybody may write to; the tests start theirs.
stop_registry_service() {
  if [[ " $* " == *" docker-registry "* ]] && [ -d /run/systemd/system ]; then
    systemctl disable --now docker-registry
  fi
}
