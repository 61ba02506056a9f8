# kernel_log: of each log its first lines, which tell how far it goes back, and what bears on tracking.
kernel_log() {
    can dmesg && section log/dmesg log_lines dmesg
    files=
    for file in kern.log messages syslog; do
        if has tail && [ -f "$ROOT/var/log/$file" ] && [ -r "$ROOT/var/log/$file" ]; then
            files=yes
            section "log/$file" log_lines tail -c 16777216 "$ROOT/var/log/$file"
        fi
    done
    [ -n "$files" ] || ! can journalctl ||
        section log/journal log_lines journalctl --no-pager -k -b -n 100000 -o short-iso
}

# log_lines COMMAND...: of what that prints.
log_lines() {
    "$@" | sed -n -e '1,2{' -e p -e d -e '}' -e '/table full/p' -e '/SYN flooding on port/p' \
        -e '/neighbou*r table overflow/p' -e '/Neighbour table overflow/p' -e '/ suppressed/p' -e '/: dropping packet/p'
}
