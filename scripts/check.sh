#!/usr/bin/env bash
# Everything that CI checks, in order, stopping at the first failure. Runs from any folder.
#
#   scripts/check.sh                  all steps of CI
#   scripts/check.sh fmt vet tidy     these steps only
#   scripts/check.sh docker           a step that CI leaves out: it wants a Docker engine, and builds the image
#   scripts/check.sh image            another: two builds give the same bytes, and one is for arm64; some minutes
#   scripts/check.sh benchdocker      another: the benchmark in containers, at its shortest
#   scripts/check.sh --list           the names of the steps
#   FUZZTIME=2m scripts/check.sh fuzz each fuzz target for two minutes instead of 5,000 inputs
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

steps=(fmt vet arm64 build mod scripts tidy manual race oracle debug fuzz bench peers clients drill)
by_name=(docker image benchdocker) # run when they are named, only
fuzztime=${FUZZTIME:-5000x} # a count: at the end of a time Go may report a failure of its own (go.dev/issue/75804)

fail() {
  printf '%s: %s\n' "scripts/check.sh" "$*" >&2
  exit 1
}

# Files of the tree that match the patterns, tracked or about to be, and still there. Nested modules check themselves.
files() {
  local path
  git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while IFS= read -r path; do
    if [[ -f $path && $path != bench/* ]]; then printf '%s\n' "$path"; fi
  done
}

step_fmt() {
  local sources unformatted
  mapfile -t sources < <(files '*.go')
  ((${#sources[@]} > 0)) || fail "no Go files found; is this a git checkout?"
  unformatted=$(gofmt -l "${sources[@]}")
  [[ -z $unformatted ]] || fail "gofmt would change these; run gofmt -w on them:"$'\n'"$unformatted"
}

# The tagged files are built by no other step before their tests run, so they are vetted here too.
step_vet() {
  go vet ./...
  go vet -tags giouring,ringdebug ./...
}

step_arm64() { GOARCH=arm64 go vet ./...; }

step_build() { go build ./...; }

step_mod() { go mod tidy -diff; }

step_scripts() {
  local script
  files '*.sh' .ci/run | while IFS= read -r script; do
    bash -n "$script"
    [[ -x $script ]] || fail "$script is not executable; run chmod +x on it"
    if command -v shellcheck >/dev/null; then shellcheck --external-sources "$script"; fi
  done
}

step_tidy() { go test -count=1 ./internal/tidy; }

# What operators get, by the tools that know it, as far as they are installed. Tests of echod hold that the manual
# has every flag with its default, and that the dashboard, the alerts, the units and the configuration fit the daemon.
step_manual() {
  manual_page docs/echod.8
  manual_units deploy/systemd
  if command -v promtool >/dev/null; then
    promtool check rules deploy/prometheus/*.yml
  else
    printf 'left out: promtool is not installed\n'
  fi
}

manual_page() {
  local complaints
  if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning "$1"
  elif command -v man >/dev/null && command -v groff >/dev/null; then
    complaints=$(LC_ALL=C.UTF-8 man --warnings -E UTF-8 -T utf8 -Z -l "$1" 2>&1 >/dev/null)
    [[ -z $complaints ]] || fail "man complains:"$'\n'"$complaints"
  else
    printf 'left out: neither mandoc nor man is installed\n'
  fi
}

# systemd wants to see the program that a unit starts. 25 is an exposure of 2.5: it is 1.5, and versions differ.
manual_units() {
  local units
  if ! command -v systemd-analyze >/dev/null; then
    printf 'left out: systemd-analyze is not installed\n'
    return
  fi
  units=$(mktemp -d)
  go build -o "$units/echod" ./cmd/echod
  cp "$1"/echod.* "$units"
  sed -i "s|/usr/bin/echod|$units/echod|" "$units/echod.service"
  systemd-analyze verify --man=no --recursive-errors=no "$units/echod.service" "$units/echod.socket"
  systemd-analyze security --no-pager --offline=true --threshold=25 "$units/echod.service" | tail -n 1
  rm -r "$units"
}

# The race detector is C code: it needs a C compiler, which nothing else here does.
step_race() {
  local race=(-race)
  if ! command -v "$(go env CC)" >/dev/null; then
    local mend="the race detector needs a C compiler; install one (Debian: apt-get install gcc libc6-dev)"
    [[ ${CI:-} != true ]] || fail "$mend"
    printf '%s; running without it\n' "$mend" >&2
    race=()
  fi
  go test "${race[@]}" -shuffle=on -cpu 2 ./...
  # On one CPU the orders are others, and come again and again: fewer rounds, of what goroutines share.
  go test "${race[@]}" -shuffle=on -cpu 1 -short ./bufring ./uring ./ops/... ./server
}

# giouring pulls syscall.munmap by linkname, which the linker has refused since Go 1.23 unless told otherwise.
step_oracle() {
  local oracles
  oracles=$(files '*_test.go' | xargs grep -l '^//go:build giouring$' || true)
  [[ -n $oracles ]] || fail "no test is built with the tag giouring; nothing compares our bytes with another library's"
  go test -tags giouring -ldflags=-checklinkname=0 ./internal/sys/ ./uring/
}

# With ringdebug released buffers are poisoned: whoever reads one after its release gets garbage, and a failing test.
step_debug() { go test -short -tags ringdebug ./bufring/ ./ops/ ./server/; }

# go test -list prints the names of a package's targets, then a line with the package.
step_fuzz() {
  local listed targets package name
  listed=$(go test -list '^Fuzz' ./...)
  targets=$(awk '/^Fuzz/ { names[++n] = $1 }
    /^ok/ { for (i = 1; i <= n; i++) print $2, names[i]; n = 0 }' <<<"$listed")
  [[ -n $targets ]] || fail "no fuzz targets found"
  while read -r package name; do
    printf -- '-- %s %s\n' "$package" "$name"
    go test -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" "$package"
  done <<<"$targets"
}

# Once each: they must build and run; figures come from longer runs.
step_bench() {
  go test -run '^$' -bench . -benchtime 1x ./...
  scripts/bench.sh --smoke
}

# The servers that we are compared with: each must build, and echo. They are a module of their own.
step_peers() {
  cd bench
  local unformatted
  unformatted=$(gofmt -l .)
  [[ -z $unformatted ]] || fail "gofmt would change these; run gofmt -w on them in bench:"$'\n'"$unformatted"
  go mod tidy -diff
  go vet ./...
  go test -count=1 ./...
  cd ..
}

step_clients() { scripts/clients.sh; }

step_drill() { SHORT=1 scripts/drill.sh; }

step_docker() { scripts/docker-test.sh; }

step_image() { scripts/image.sh; }

# Both ways between containers. Figures come from longer runs.
step_benchdocker() {
  scripts/bench-docker.sh --smoke
  scripts/bench-docker.sh --smoke --bridge
}

if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${steps[@]}" "${by_name[@]}"
  exit 0
fi
if (($# > 0)); then
  for name in "$@"; do
    declare -F "step_$name" >/dev/null || fail "no step $name; there are: ${steps[*]} ${by_name[*]}"
  done
  steps=("$@")
fi
for name in "${steps[@]}"; do
  printf '== %s\n' "$name"
  SECONDS=0
  "step_$name"
  printf '== %s: %d s\n\n' "$name" "$SECONDS"
done
printf 'all well: %s\n' "${steps[*]}"
