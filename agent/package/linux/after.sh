# Once the files are there: the agent's own folder, and what a first start is to do.
[ -d /var/lib/reeve ] || mkdir -m 0700 /var/lib/reeve
[ -d /etc/reeve ] || mkdir -m 0755 /etc/reeve
if [ ! -e /var/lib/reeve/config.json ] && [ ! -e /var/lib/reeve/agent.json ] && [ -n "${REEVE_SERVER:-}" ] && [ -n "${REEVE_TOKEN:-}" ]; then
	# The shell's own printf: no other program sees the token.
	(
		umask 077
		printf 'SERVER=%s\nTOKEN=%s\nCA_FILE=%s\n' "$REEVE_SERVER" "$REEVE_TOKEN" "${REEVE_CA_FILE:-}" >/etc/reeve/registration.conf
	)
fi
if [ ! -e /var/lib/reeve/config.json ] && [ ! -e /var/lib/reeve/agent.json ] && [ ! -e /etc/reeve/registration.conf ]; then
	echo "reeve-agent: this machine is not registered. Make a token in the portal under Devices, then run:"
	echo "reeve-agent:   reeve-agent register --server URL    and    reeve-agent start"
fi
