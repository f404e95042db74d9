# Before the files are there: an agent that install.sh put here makes room; its registration and data stay.
if [ -x /usr/local/lib/reeve/reeve-agent ] && [ -f /etc/systemd/system/reeve-agent.service ]; then
	/usr/local/lib/reeve/reeve-agent --data-dir /var/lib/reeve uninstall >/dev/null || true
fi
