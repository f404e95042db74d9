# Before the files go: no supervisor runs any more that would start the agent again, also none that was started by other
# means; and what may lie beside it while it is replaced by its next version goes too.
if [ -e /var/lib/reeve/updates/lock ] && command -v flock >/dev/null && ! flock -w 40 /var/lib/reeve/updates/lock true; then
	echo "reeve-agent: a supervisor still looks after /var/lib/reeve; end it, or restart this machine" >&2
fi
rm -f /usr/lib/reeve/reeve-updater.new /usr/lib/reeve/reeve-updater.old /usr/lib/reeve/reeve-updater.bad
