#!/usr/bin/env bash
# Makes a local base image for the Dockerfile's build stage where no registry can be reached, from this machine's own
# files: its Go tool chain, a static busybox and its certificates. The last line printed is the image's name:
#
#   docker build --build-arg GO_IMAGE="$(scripts/docker-base.sh | tail -n 1)" .
#
# An image that is there already is used again. Needs a Docker engine; and, where busybox-static is not installed,
# apt-get to fetch it (nothing is installed).
set -euo pipefail

fail() {
  printf 'scripts/docker-base.sh: %s\n' "$*" >&2
  exit 1
}

command -v docker >/dev/null || fail "docker is not installed; install a Docker engine (Debian: apt-get install docker.io)"
docker version --format '{{.Server.Version}}' >/dev/null || fail "no Docker engine answers; start it, or ask for access to it"
command -v go >/dev/null || fail "go is not in PATH; install the Go that go.mod names (https://go.dev/dl)"

goroot=$(go env GOROOT)
image=ringport-go-base:$(go env GOVERSION)-$(go env GOARCH)

if docker image inspect "$image" >/dev/null 2>&1; then
  printf '%s\n' "$image"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A busybox that needs no libraries: the one installed, or one from the package.
busybox() {
  local installed
  for installed in /bin/busybox /usr/bin/busybox; do
    if [[ -x $installed ]] && ! ldd "$installed" >/dev/null 2>&1; then
      cp "$installed" "$work/root/bin/busybox"
      return
    fi
  done
  command -v apt-get >/dev/null || fail "no static busybox here; install one (Debian: apt-get install busybox-static)"
  (
    cd "$work"
    apt-get download busybox-static >/dev/null 2>&1 || { apt-get update && apt-get download busybox-static; } >/dev/null
    dpkg-deb --extract busybox-static_*.deb package
  ) || fail "busybox-static cannot be fetched; install it (apt-get install busybox-static)"
  install -m 0755 "$(find "$work/package" -type f -path "*/bin/busybox")" "$work/root/bin/busybox"
}

mkdir -p "$work/root"/{bin,etc/ssl/certs,root,tmp,usr/bin,usr/local}
chmod 1777 "$work/root/tmp"
busybox
while IFS= read -r applet; do
  [[ $applet == busybox ]] || ln -s busybox "$work/root/bin/$applet"
done < <("$work/root/bin/busybox" --list)
ln -s /bin/env "$work/root/usr/bin/env"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$work/root/etc/passwd"
cp --dereference /etc/ssl/certs/ca-certificates.crt "$work/root/etc/ssl/certs/"

# What a build does not need (tests, documents) stays here: half of the tool chain's size.
printf 'making %s from %s\n' "$image" "$goroot" >&2
tar --create --directory "$work/root" --owner 0 --group 0 . --file "$work/base.tar"
tar --append --anchored --file "$work/base.tar" --owner 0 --group 0 --directory "$(dirname "$goroot")" \
  --exclude "$(basename "$goroot")/test" --exclude "$(basename "$goroot")/doc" --exclude "$(basename "$goroot")/api" \
  --transform "s|^$(basename "$goroot")|usr/local/go|" "$(basename "$goroot")"
docker import \
  --change 'ENV PATH=/usr/local/go/bin:/bin:/usr/bin' \
  --change 'ENV GOTOOLCHAIN=local' \
  --change 'ENV GOPATH=/go' \
  --change 'WORKDIR /root' \
  "$work/base.tar" "$image" >/dev/null
printf '%s\n' "$image"
