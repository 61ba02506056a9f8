describe() { printf 'inode %s\nwhere %s\ncount %s\nread %s\ncomm %s\n' "$@"; }

about_this_run() {
    printf 'kernel %s\nnode %s\nuser %s\nmachine %s\nown %s\nfirst %s\nuptime %s\n' "$KERNEL" \
        "$(first_line "$PROC/sys/kernel/hostname")" "$(me)" "$(digest)" "$OWN" "$FIRST" \
        "$(sed 's/ .*//' "$PROC/uptime")"
    [ -n "$ROOT" ] || printf 'taken_at %s\nzone %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$ZONE"
}

# me: the number of the user who looks.
me() { sed -n 's/^Uid:[^0-9]*[0-9]*[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status; }

# digest: which machine this is; machine-id(5) asks to keep the number itself to oneself.
digest() {
    has sha256sum && printf 'halftrack %s' "$(first_line "$ROOT/etc/machine-id")" | sha256sum |
        sed 's/^\(................\).*/\1/'
}

# there: what of this exists, by which it is known who writes rules and settings here, and where this is.
there() {
    for file in /run /run/systemd/system /usr/lib/systemd /sbin/init /etc/inittab /sys/module/nf_conntrack \
        /usr/sbin/nft /sbin/nft /usr/sbin/iptables /sbin/iptables /usr/bin/iptables /usr/bin/nft \
        /etc/iptables/rules.v4 /etc/iptables/iptables.rules /etc/sysconfig/iptables /etc/iptables.rules \
        /etc/systemd/system/sysinit.target.wants/nftables.service /var/lib/kube-proxy \
        /etc/systemd/system/multi-user.target.wants/nftables.service /etc/runlevels/default/nftables \
        /proc/vz /proc/bc /proc/vz/version /proc/sys/net/nf_conntrack_max \
        /proc/sys/net/netfilter/nf_conntrack_max /run/.containerenv /.dockerenv /run/systemd/container \
        "$ROOT"/var/log/pods/*; do
        file=${file#"$ROOT"}
        [ -e "$ROOT$file" ] && printf '%s\n' "$file"
    done
}

# running: names of the processes in the namespace of process 1; without numbers, of those in no container.
running() {
    cd "$PROC" || return
    if [ "$FIRST" != 0 ]; then
        living | sed -n "s|^$FIRST \\([0-9]*\\)\$|\\1/status|p"
    else
        of_each status grep -L '^envID:[^0-9]*[1-9]'
    fi | in_batches grep -h '^Name:' /dev/null | sed 's/^Name:[^!-~]*//' | sort -u
}
