# What holds over a reboot, by the ways that this node boots.
# Whether this is another network than process 1's, whose settings are not what boots with these files.
# Where its own is not told: the first one alone has net.nf_conntrack_max. What a run in the node's own
# network has written goes back from here, too.
not_of_the_node() {
    if [ -n "$ROOT" ] || kept "$step.before"; then return 1; fi
    first=$(readlink /proc/1/ns/net 2>/dev/null)
    if [ -n "$first" ]; then
        [ "$(readlink /proc/self/ns/net)" != "$first" ]
    else
        [ "$(readlink /proc/self/ns/pid 2>/dev/null)" = 'pid:[4026531836]' ] &&
            [ -e /proc/sys/net/netfilter/nf_conntrack_max ] && [ ! -e /proc/sys/net/nf_conntrack_max ]
    fi
}
has_systemd() { [ -d "$ROOT/run/systemd/system" ]; }
boot_script() { # the script of old that is run last at boot; nothing where there is none
    for path in /etc/rc.d/rc.local /etc/rc.local; do
        [ -f "$ROOT$path" ] && [ ! -L "$ROOT$path" ] && [ -x "$ROOT$path" ] && return 0
    done
    path=
    return 1
}
# Each part has files of its own, so that each goes back alone.
of_part() { case $step in relief.*) echo -relief ;; esac }
drop_in_path() { drop_in=/etc/sysctl.d/90-halftrack$(of_part).conf; }
# Our drop-in: what is in it of other settings stays, each of ours once.
drop_in() { # operation, step, then name=value each
    operation=$1 step=$2
    shift 2
    drop_in_path
    path=$drop_in mode=644
    content=$(
        while read -r line; do
            key=$(printf '%s\n' "$line" | sed 's/^[- ]*//; s/[ =].*//')
            for setting in "$@"; do
                [ "$key" != "${setting%%=*}" ] || continue 2
            done
            printf '%s\n' "$line"
        done 2>/dev/null <"$(existing "$ROOT$path")"
        for setting in "$@"; do printf '%s = %s\n' "${setting%%=*}" "${setting#*=}"; done
    )
    one_file "$operation" || return 1
    [ "$operation" != 'do' ] || not_of_the_node || read_at_boot "$@"
}
existing() { if [ -f "$1" ]; then printf '%s' "$1"; else echo /dev/null; fi; }
read_at_boot() { # name=value each
    if has_systemd; then
        answer=yes
    elif boot_script && grep -qF "$drop_in" "$ROOT$path"; then
        answer="yes, by $path"
    elif grep -qsF 'sysctl.d/' "$ROOT/etc/rc.d/rc.sysinit" "$ROOT/etc/init.d/sysctl" "$ROOT/etc/init.d/procps" \
        "$ROOT/etc/init.d/functions"; then
        answer=yes
    else
        answer="not known: see that the boot scripts run sysctl -e -p $drop_in"
    fi
    say "$drop_in; read at boot here: $answer"
    set +f
    for file in "$ROOT"/etc/sysctl.d/9[1-9]*.conf "$ROOT"/etc/sysctl.d/[!0-9]*.conf "$ROOT/etc/sysctl.conf"; do
        [ -f "$file" ] || continue
        for setting in "$@"; do
            other=$(sed -n "s@^[-[:space:]]*$(slashed "${setting%%=*}")[[:space:]]*=[[:space:]]*@@p" "$file" | tail -n 1)
            if [ -n "$other" ] && [ "$other" != "${setting#*=}" ]; then
                warn "${file#"$ROOT"} sets ${setting%%=*} to $other and may be read after ours: change it there"
            fi
        done
    done
    set -f
}
slashed() { printf '%s' "$1" | sed 's@[.]@[./]@g'; }
# The tracker's module is loaded before the settings are applied, or they would be passed over.
module_at_boot() { # operation, step
    step=$2 mode=644
    if has_systemd; then
        path=/etc/modules-load.d/halftrack$(of_part).conf content=nf_conntrack
    elif boot_script; then
        return 0 # the line of settings_at_boot loads it
    elif [ -f "$ROOT/etc/modules" ]; then
        one_line "$1" /etc/modules nf_conntrack
        return
    else
        path=/etc/modules-load.d/halftrack$(of_part).conf content=nf_conntrack
    fi
    one_file "$1"
}
settings_at_boot() { # operation, step
    step=$2
    drop_in_path
    line_at_boot "$1" "$2" "modprobe nf_conntrack 2>/dev/null; sysctl -e -p $drop_in"
}
# Never fewer than there are, whatever the plan could see.
hashsize_at_boot() { # operation, step, buckets
    step=$2 mode=644
    path=/etc/modprobe.d/halftrack.conf
    size=$(cat /sys/module/nf_conntrack/parameters/hashsize 2>/dev/null)
    case $size in '' | *[!0-9]*) size=0 ;; esac
    [ "$size" -ge "$3" ] || size=$3
    content="options nf_conntrack hashsize=$size"
    one_file "$1"
}
# Without systemd, a line near the top of rc.local, which may end early.
line_at_boot() { # operation, step, line
    step=$2
    has_systemd && { ! kept "$step.before"; } && return 0
    not_of_the_node && return 0
    if ! boot_script; then
        [ "$1" != 'do' ] || say "no rc.local is run here: have the boot scripts run: $3"
        return 0
    fi
    one_line "$1" "$path" "$3"
}
# Rules come back by a script of their own, run by a unit of ours or by rc.local.
rules_at_boot() { # operation, step, text of that script
    operation=$1 step=$2.script mode=600 text=$3
    path=/etc/halftrack/script-$PLAN.sh
    rules_path=$path
    content=$(spelled_for_this_kernel)
    case $operation in
    back | may_go_back) rules_started "$operation" "$2" && step=$2.script path=$rules_path && one_file "$operation" ;;
    *) one_file "$operation" && rules_started "$operation" "$2" ;;
    esac
}
rules_started() { # operation, step
    not_of_the_node && return 0
    if ! has_systemd; then
        line_at_boot "$1" "$2.line" "/bin/sh $rules_path"
        return
    fi
    step=$2.unit mode=644
    path=/etc/systemd/system/multi-user.target.wants/halftrack-script-$PLAN.service
    content="[Unit]
Description=Packet-filter rules of Halftrack's plan $PLAN
After=nftables.service iptables.service netfilter-persistent.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh $rules_path

[Install]
WantedBy=multi-user.target"
    link=$path
    path=/etc/systemd/system/halftrack-script-$PLAN.service
    # A link of this name is what `systemctl enable` makes.
    case $1 in
    note) kept "$step.before" || [ -d "$ROOT${link%/*}" ] || keep "$step.wants" yes || return 1 ;;
    back)
        if kept "$step.before"; then
            rm -f "$ROOT$link"
            ! kept "$step.wants" || rmdir "$ROOT${link%/*}" 2>/dev/null
        fi
        ;;
    esac
    one_file "$1" || return 1
    [ "$1" != 'do' ] || { (umask 022 && mkdir -p "$ROOT${link%/*}") && ln -sf "$path" "$ROOT$link"; }
}
