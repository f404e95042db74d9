#!/bin/sh
# Installs the Reeve agent on Linux or macOS, registers this machine and starts the agent.
#
#   curl -fsSL @PUBLIC_URL@/install.sh | REEVE_TOKEN=AGT-... sudo --preserve-env=REEVE_TOKEN sh
#
# The registration token may be the first argument instead (sh -s -- AGT-...), where other people on this machine can
# see it in command lines. Without root the agent is installed for the present user. Running this again upgrades the
# agent and keeps the registration.
#
# REEVE_PREFIX    where the programs go      [/usr/local/lib/reeve, or ~/.local/lib/reeve without root]
# REEVE_DATA_DIR  where the agent keeps data [/var/lib/reeve, on macOS "/Library/Application Support/Reeve", or
#                 ~/.local/state/reeve without root]
# REEVE_CA_FILE   certificates (PEM) to trust besides those of the system
# REEVE_SERVICE   none: start the agent without systemd or launchd

set -eu

SERVER='@PUBLIC_URL@'

# One line for each agent that this server has: system, architecture, SHA-256 of reeve-agent, SHA-256 of reeve-updater.
artifacts() {
	cat <<'END_OF_ARTIFACTS'
@ARTIFACTS@
END_OF_ARTIFACTS
}

say() {
	printf '%s\n' "reeve: $*"
}

fail() {
	printf '%s\n' "reeve: $*" >&2
	exit 1
}

have() {
	command -v "$1" >/dev/null 2>&1
}

detect() {
	case $(uname -s) in
	Linux) os=linux ;;
	Darwin) os=macos ;;
	*) fail "there is no agent for $(uname -s); Linux and macOS are supported here, Windows by install.ps1" ;;
	esac
	case $(uname -m) in
	x86_64 | amd64) arch=x86_64 ;;
	aarch64 | arm64) arch=aarch64 ;;
	*) fail "there is no agent for the processor architecture $(uname -m); x86_64 and aarch64 are supported" ;;
	esac
	# shellcheck disable=SC2046 # The words of the line are wanted one by one.
	set -- $(artifacts | grep "^$os $arch " || true)
	[ $# -eq 4 ] || fail "this server has no agent for $os on $arch; ask whoever runs $SERVER to add one"
	agent_sha256=$3
	updater_sha256=$4
}

choose_places() {
	if [ "$(id -u)" -eq 0 ]; then
		root=yes
		prefix=${REEVE_PREFIX:-/usr/local/lib/reeve}
		data=/var/lib/reeve
		[ $os = linux ] || data="/Library/Application Support/Reeve"
		data=${REEVE_DATA_DIR:-$data}
	else
		root=no
		prefix=${REEVE_PREFIX:-$HOME/.local/lib/reeve}
		data=${REEVE_DATA_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/reeve}
	fi
	case "$prefix" in /*) ;; *) fail "REEVE_PREFIX has to be an absolute path" ;; esac
	case "$data" in /*) ;; *) fail "REEVE_DATA_DIR has to be an absolute path" ;; esac
}

check_tools() {
	have curl || have wget || fail "curl or wget is needed to download the agent"
	have sha256sum || have shasum || fail "sha256sum or shasum is needed to check what is downloaded"
}

download() { # address, file
	if have curl; then
		curl -fsSL --retry 3 ${ca:+--cacert "$ca"} -o "$2" "$1"
	else
		wget -q ${ca:+--ca-certificate="$ca"} -O "$2" "$1"
	fi || fail "$1 could not be downloaded; nothing was installed"
}

sha256() { # file
	if have sha256sum; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

fetch() { # name, SHA-256
	download "$SERVER/downloads/$1-$os-$arch" "$work/$1"
	found=$(sha256 "$work/$1")
	[ "$found" = "$2" ] || fail "$1 is not what the server promised (SHA-256 $found instead of $2); nothing was installed"
	chmod 0755 "$work/$1"
}

# A rename replaces a program that runs; writing into it would not.
put() { # name
	cp "$work/$1" "$prefix/.$1.new"
	chmod 0755 "$prefix/.$1.new"
	[ $root = no ] || chown 0:0 "$prefix/.$1.new"
	mv -f "$prefix/.$1.new" "$prefix/$1"
}

# What a package brought is the package's to upgrade.
refuse_packaged() {
	[ $root = yes ] && [ "${REEVE_SERVICE:-}" != none ] || return 0
	for unit in /usr/lib/systemd/system/reeve-agent.service /lib/systemd/system/reeve-agent.service; do
		[ ! -e $unit ] || fail "the agent came to this machine as a package; upgrade it with apt or dnf, under the name reeve-agent"
	done
}

install_programs() {
	mkdir -p "$prefix"
	chmod 0755 "$prefix"
	put reeve-agent
	put reeve-updater
	if [ $root = yes ] && [ "$prefix" = /usr/local/lib/reeve ]; then
		mkdir -p /usr/local/bin
		ln -sf "$prefix/reeve-agent" /usr/local/bin/reeve-agent
	fi
}

register() {
	if [ -e "$data/config.json" ] || [ -e "$data/agent.json" ]; then
		say "this machine is registered already; its registration is kept"
		return
	fi
	[ -n "$token" ] || fail "a registration token is needed, in REEVE_TOKEN or as the argument: ... | sh -s -- AGT-..."
	# By standard input: a command line can be read by everybody on this machine.
	printf '%s\n' "$token" |
		"$prefix/reeve-agent" --data-dir "$data" register --server "$SERVER" --token-file - ${ca:+--ca-file "$ca"} ||
		fail "the machine was not registered; the programs are in $prefix"
}

# The agent knows how: it holds the one text of the unit and of the property list.
start_by_service() {
	"$prefix/reeve-agent" --data-dir "$data" install --prefix "$prefix" ||
		fail "the service was not installed; the programs are in $prefix"
}

# Ends the supervisor that a former run of this script started, if it still runs.
stop_detached() {
	[ -r "$data/updater.pid" ] || return 0
	pid=$(cat "$data/updater.pid")
	case "$pid" in '' | *[!0-9]*) return 0 ;; esac
	if [ -r "/proc/$pid/cmdline" ]; then
		line=$(tr '\0' ' ' <"/proc/$pid/cmdline")
	else
		line=$(ps -o args= -p "$pid" 2>/dev/null || true)
	fi
	# The number may belong to another program by now.
	case $line in
	*reeve-updater*) kill "$pid" 2>/dev/null || true ;;
	*) return 0 ;;
	esac
	tries=0
	while kill -0 "$pid" 2>/dev/null && [ $tries -lt 15 ]; do
		tries=$((tries + 1))
		sleep 1
	done
}

start_detached() {
	stop_detached
	set -- "$prefix/reeve-updater" run --agent "$prefix/reeve-agent" --data-dir "$data" -- --data-dir "$data"
	have setsid && set -- setsid "$@"
	nohup "$@" </dev/null >>"$data/agent.log" 2>&1 &
	echo $! >"$data/updater.pid"
	say "the agent was started on its own, not as a service of this system: pid $!"
	say "it will not survive a restart of this machine; its log is $data/agent.log"
}

start() {
	if [ $root = no ] || [ "${REEVE_SERVICE:-}" = none ]; then
		start_detached
	elif [ -d /run/systemd/system ] || [ $os = macos ]; then
		start_by_service
	else
		start_detached
	fi
}

main() {
	token=${1:-${REEVE_TOKEN:-}}
	unset REEVE_TOKEN
	case "$token" in
	'' | AGT-*) ;;
	*) fail "a registration token starts with AGT-" ;;
	esac
	ca=${REEVE_CA_FILE:-}
	umask 022
	detect
	check_tools
	choose_places
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	refuse_packaged
	say "installing the agent for $os on $arch from $SERVER"
	fetch reeve-agent "$agent_sha256"
	fetch reeve-updater "$updater_sha256"
	install_programs
	register
	start
	say "done; see how it is doing with: $prefix/reeve-agent --data-dir $data status"
}

# In braces, so that a download that was cut off runs nothing.
{ main "$@"; }
