# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced, with here=tests/vm: the distribution's archive by lists of our own, so
# that neither rights nor a foreign architecture on this system are needed.
# archive_open first; fd 9 is its lock.
# shellcheck shell=sh

ARCHIVE_VM=$(cd "$here/../.." && pwd)/build/vm
ARCHIVE_APT=$ARCHIVE_VM/debian/apt

# An apt command, as on a system of this architecture where these can be had.
with_architecture() {
	architecture=$1
	architectures=$2
	shift 2
	"$@" -o Dir::State::Lists="$ARCHIVE_APT/lists" -o Dir::Cache="$ARCHIVE_APT" -o APT::Architecture="$architecture" \
		-o APT::Architectures="$architectures" -o APT::Sandbox::User="$(id -un)"
}

ARCHIVE_ARCHITECTURES=amd64,arm64

with() { with_architecture amd64 "$ARCHIVE_ARCHITECTURES" "$@"; }

archive_lock() {
	mkdir -p "$ARCHIVE_APT/lists/partial" "$ARCHIVE_APT/archives/partial"
	exec 9> "$ARCHIVE_APT/lock"
	flock 9
}

archive_update() {
	# Lists from another day name packages that are there no more.
	[ -z "$(find "$ARCHIVE_APT/updated" -mmin -600 2> /dev/null)" ] || return 0
	# Other archives of this system may be broken; what counts is what is found.
	with apt-get -q update > "$ARCHIVE_APT/update.log" 2>&1 || true
	touch "$ARCHIVE_APT/updated"
}

fail() {
	say "$*; the archive's answer is in ${ARCHIVE_APT#"$PWD/"}/"
	rm -f "$ARCHIVE_APT/updated"
	exit 1
}
