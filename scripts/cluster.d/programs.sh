# shellcheck shell=bash
# The programs of a cluster, built from their Go modules. Sourced by scripts/cluster.
#
# Each folder beside this file that has a go.mod is a module of its own, so that none decides the versions of another. Its
# `tool` lines name the programs, its go.mod the versions and its go.sum the sums of all that they are made from. To raise
# a version: `go get -tool PROGRAM@VERSION` in the folder. The go.mod of Kubernetes itself requires its staging modules as v0.0.0,
# which is not published: for 1.X.Y, each of them is replaced by its v0.X.Y, and `go mod tidy` finds the rest.

# How they are built: to be raised with a change of tags or flags below.
recipe=1

# programs_version: changes with everything that decides what is built.
programs_version() {
  local version sum
  version=$(sed -n 's/^\tk8s\.io\/kubernetes v\([0-9.]*\).*/\1/p' "$parts/kubernetes/go.mod")
  sum=$({ echo "$recipe"; cat "$parts"/*/go.mod "$parts"/*/go.sum; } | sha256sum)
  printf '%s-%s' "$version" "${sum:0:12}"
}

# ensure_go: a toolchain that is new enough for all the modules.
ensure_go() {
  local needed
  needed=$(sed -n 's/^go //p' "$parts"/*/go.mod | sort -V | tail -n 1)
  have go || die "go is not on PATH" "install Go $needed or newer: https://go.dev/doc/install"
  local found
  found=$(GOTOOLCHAIN=local go env GOVERSION)
  found=${found#go}
  [ "$(printf '%s\n' "$needed" "${found%% *}" | sort -V | head -n 1)" = "$needed" ] ||
    die "go is $found, and the programs need $needed" "install Go $needed or newer: https://go.dev/doc/install"
}

# programs_folder: where they are, or will be.
programs_folder() { printf '%s/scratchdbg/cluster/%s' "${XDG_CACHE_HOME:-$HOME/.cache}" "$(programs_version)"; }

# ensure_programs: builds them into the folder `programs`, if they are not there.
ensure_programs() {
  [ ! -d "$programs" ] || return 0
  ensure_go
  have cc || install_packages "there is no C compiler" gcc libc6-dev
  { have pkg-config && pkg-config --exists libseccomp; } ||
    install_packages "runc needs libseccomp" pkg-config libseccomp-dev
  mkdir -p "$(dirname "$programs")"
  # Whoever comes second waits, and finds them there.
  (
    flock 9
    [ ! -d "$programs" ] || exit 0
    say "building the programs of the cluster, once (several minutes, and 5 GB of disk until they are done)"
    build_programs "$programs.new"
    mv "$programs.new" "$programs"
  ) 9>"$programs.lock"
}

# build_programs FOLDER: all of them, into it. The sources and the build cache are kept beside it until all is built: what
# was interrupted goes on where it was, and nothing is left of 5 GB afterwards.
build_programs() {
  local work=$1.work
  mkdir -p "$1" "$work/tmp"
  export GOTOOLCHAIN=local GOFLAGS='-mod=readonly -modcacherw -trimpath -buildvcs=false' GOBIN=$1
  export GOPATH=$work GOMODCACHE=$work/modules GOCACHE=$work/cache GOTMPDIR=$work/tmp
  local version
  version=$(sed -n 's/^\tk8s\.io\/kubernetes \(v[0-9.]*\).*/\1/p' "$parts/kubernetes/go.mod")
  local component=k8s.io/component-base/version
  build_module kubernetes "-X $component.gitVersion=$version -X $component.gitMajor=1 -X $component.gitMinor=$(cut -d. -f2 <<<"$version")"
  build_module etcd
  build_module containerd '' no_btrfs
  CGO_ENABLED=1 build_module runc '' seccomp
  mv "$1/server" "$1/etcd"
  rm -rf "$work"
}

# build_module NAME [LINKER-FLAGS [TAGS]]
build_module() {
  step "$1" build_tools "$parts/$1" "${2:-}" "${3:-}"
}

build_tools() {
  local log=$GOPATH/log
  cd "$1"
  # What go prints of its downloads is of interest only when it fails.
  CGO_ENABLED=${CGO_ENABLED:-0} go install -tags "$3" -ldflags "-s -w $2" tool >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    die "cannot build the programs of $1" "run this again: it goes on where it was"
  }
}
