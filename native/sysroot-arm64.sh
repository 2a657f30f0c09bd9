#!/bin/sh
# Fetches Debian's static libbpf, libelf and zlib for arm64 into build/sysroot-arm64, with package lists of its own: the
# machine's apt does not learn of a foreign architecture. From the repository's root; needs no rights.
set -eu

sysroot=$PWD/build/sysroot-arm64
state=$sysroot/apt
mkdir -p "$state/lists/partial" "$state/archives/partial"
: >"$state/status"

apt() {
	apt-get -q -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state" \
		-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root "$@"
}

apt update
cd "$state/archives"
apt download libbpf-dev libelf-dev zlib1g-dev
for package in *.deb; do
	dpkg-deb -x "$package" "$sysroot"
done
