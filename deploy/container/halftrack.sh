#!/bin/sh
# `kubectl debug node/NAME` shows the node's files below /host. Where it may (--profile=sysadmin), Halftrack then
# runs among them, with the node's own nft and all that tells of its containers: in a mount namespace of its own,
# over a directory that it needs nothing of. Otherwise it runs out of the image.
export HALFTRACK_STARTED_AS=halftrack
if [ -e /host/proc/self ] && unshare --mount true 2>/dev/null; then
    # shellcheck disable=SC2016  # for that shell
    exec unshare --mount sh -c '
        for into in /mnt /media /srv /opt; do
            mount --bind /opt/halftrack "/host$into" 2>/dev/null || continue
            if chroot /host "$into/bin/halftrack" --version >/dev/null 2>&1; then
                exec chroot /host "$into/bin/halftrack" "$@"
            fi
        done
        exec /opt/halftrack/bin/halftrack "$@"
    ' sh "$@"
fi
exec /opt/halftrack/bin/halftrack "$@"
