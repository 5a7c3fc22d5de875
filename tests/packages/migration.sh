#!/bin/bash
# Played inside a booted Debian 12 with packages janus and janus-rs: from one to the other, what may happen meanwhile, and back.
# Each "ok" line is one step that was seen.
set -uo pipefail
api=http://127.0.0.1:8088/janus

fail() {
	echo "FAILED: $*"
	systemctl status --no-pager --lines=0 janus.service janus-rs.service
	journalctl --no-pager --lines=60 --unit=janus-rs.service
	finish
}
finish() {
	echo "end"
	systemctl poweroff
	exit
}
# Asks until the answer has what is expected: services start and stop in their own time.
until_info() {
	local answer=''
	for _ in $(seq 600); do
		answer=$(curl --silent --max-time 5 "$api/info") && [[ $answer == *"$1"* ]] && return
		sleep 0.2
	done
	fail "info has no $1: $answer"
}
until_says() { # FILE-OR-COMMAND TEXT
	for _ in $(seq 600); do
		$1 2>/dev/null | grep -q -- "$2" && return
		sleep 0.2
	done
	fail "$1 has no $2"
}
post() { curl --silent --max-time 10 --data "$2" "$api$1"; }
id() { sed -E 's/.*"id": ?([0-9]+).*/\1/' <<<"$(tr -d '\n' <<<"$1")"; }
pid() { systemctl show --property=MainPID --value "$1"; }
ours='"implementation": "janus-rs"'

systemctl enable --quiet --now janus.service || fail "janus.service"
until_info '"name": "Janus WebRTC Server"'
curl --silent "$api/info" | grep -q "$ours" && fail "the reference does not serve"
echo "ok: janus serves"

# What fails is undone.
mkdir -p /etc/systemd/system/janus-rs.service.d
printf '[Service]\nExecStartPre=/bin/false\n' >/etc/systemd/system/janus-rs.service.d/broken.conf
janus-rs switch to-rs >/tmp/switch 2>&1 && fail "a switch to what does not start: $(cat /tmp/switch)"
rm /etc/systemd/system/janus-rs.service.d/broken.conf
grep -q "undoing it" /tmp/switch || fail "not undone: $(cat /tmp/switch)"
until_info '"name": "Janus WebRTC Server"'
[ "$(systemctl is-enabled janus.service)" = enabled ] || fail "janus.service is not enabled again"
echo "ok: a switch that fails is undone"

janus-rs switch to-rs || fail "switch to-rs"
until_info "$ours"
# The reference may have ended by a signal of its own: then it is "failed", which is not active either.
systemctl --quiet is-active janus.service && fail "janus.service is active"
systemctl --quiet is-active janus-rs.service || fail "janus-rs.service is not active"
[ "$(systemctl is-enabled janus.service janus-rs.service | tr '\n' ' ')" = "disabled enabled " ] || fail "enabled units"
[ "$(stat -c %U "/proc/$(pid janus-rs.service)")" = janus-rs ] || fail "the user"
systemctl show --property=StatusText janus-rs.service
echo "ok: janus-rs serves in its hardened unit"

session=$(id "$(post '' '{"janus":"create","transaction":"1"}')")
handle=$(id "$(post "/$session" '{"janus":"attach","plugin":"janus.plugin.videoroom","transaction":"2"}')")
post "/$session/$handle" '{"janus":"message","transaction":"3","body":{"request":"list"}}' | grep -q '"room": ' || fail "no rooms"
echo "ok: an API call to a plugin"

before=$(pid janus-rs.service)
kill -SEGV "$before"
until_says "systemctl show --property=NRestarts janus-rs.service" NRestarts=1
until_info "$ours"
[ "$(pid janus-rs.service)" != "$before" ] || fail "not another process"
journalctl --unit=janus-rs.service | grep -q '\[FATAL\] Crash' || fail "no report of the crash"
echo "ok: after a crash it is there again"

# The configuration is read again without a restart.
before=$(pid janus-rs.service)
sed -i 's/^general: {/general: {\n\tlog_to_file = "\/var\/log\/janus-rs\/janus.log"/; s/debug_level = 4/debug_level = 5/' /etc/janus/janus.jcfg
systemctl reload janus-rs.service || fail "reload"
until_says "journalctl --unit=janus-rs.service" "read again: .*debug_level changed"
[ "$(pid janus-rs.service)" = "$before" ] || fail "a reload is no restart"
echo "ok: reload"

systemctl restart janus-rs.service || fail "restart"
until_info "$ours"
[ "$(stat -c %a:%U /var/log/janus-rs/janus.log)" = 640:janus-rs ] || fail "log: $(ls -l /var/log/janus-rs)"
before=$(pid janus-rs.service)
logrotate --force /etc/logrotate.d/janus-rs || fail "logrotate"
for _ in $(seq 300); do
	post '' '{"janus":"create","transaction":"4"}' >/dev/null
	grep -qs "Creating new session" /var/log/janus-rs/janus.log && break
	sleep 0.2
done
grep -q "Creating new session" /var/log/janus-rs/janus.log || fail "nothing in the new log"
[ -s /var/log/janus-rs/janus.log.1 ] || fail "no rotated log"
[ "$(pid janus-rs.service)" = "$before" ] || fail "rotating is no restart"
echo "ok: logrotate"

# An update of package janus changes nothing: it has a service on the same ports.
DEBIAN_FRONTEND=noninteractive dpkg --force-confold -i /debs/janus_*.deb >/tmp/update 2>&1 || fail "update of janus: $(cat /tmp/update)"
sleep 1
systemctl --quiet is-active janus.service && fail "the update started janus.service"
[ "$(pid janus-rs.service)" = "$before" ] || fail "the update restarted us"
until_info "$ours"
echo "ok: an update of package janus"

janus-rs switch back || fail "switch back"
until_info '"name": "Janus WebRTC Server"'
curl --silent "$api/info" | grep -q "$ours" && fail "still ours"
[ "$(systemctl is-enabled janus.service)" = enabled ] || fail "janus.service is not enabled"
echo "ok: back"

janus-rs switch to-rs >/dev/null || fail "to-rs again"
janus-rs switch back >/dev/null || fail "back again"
DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq janus-rs libjanus-rs0 || fail "purge"
[ -z "$(find /etc/systemd /lib/systemd /usr/bin /etc/default /etc/logrotate.d -name '*janus-rs*')" ] || fail "left: $(find /etc -name '*janus-rs*')"
until_info '"name": "Janus WebRTC Server"'
echo "ok: purged, and janus serves"
finish
