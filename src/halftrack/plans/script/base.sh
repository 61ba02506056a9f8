set +e
set -u
set -f
unset IFS
umask 077
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
export LC_ALL PATH
ROOT=${HALFTRACK_ROOT:-}
WAIT=${HALFTRACK_WAIT:-10}
HOST=$(uname -n)
STATE=
LOCK=
refused=0
code=76
changed=0
partly=0

# Whether somebody can read it does not decide whether it was done.
say() { printf '%s: %s\n' "$HOST" "$*" || :; }
warn() { printf '%s: %s\n' "$HOST" "$*" >&2 || :; }
stop() { # exit code, text
    status=$1
    shift
    warn "$*"
    exit "$status"
}
refuse() { # what does not hold
    refused=$((refused + 1))
    warn "refused: $*"
}
missing() { # a tool this node lacks, what for
    code=69
    refuse "$1 is not on this node: $2"
}
have() { command -v "$1" >/dev/null 2>&1; }
again() { # how this script is run
    if [ -z "$NODE" ] || [ "$elsewhere" = yes ]; then set -- "$@" --elsewhere; fi
    if [ -f "$0" ]; then printf 'sh %s %s' "$0" "$*"; else printf 'this script with %s' "$*"; fi
}

# Runs a command in a network namespace; '' is the one that this script runs in.
inside() { # namespace's path, command
    place=$1
    shift
    if [ -z "$place" ]; then
        "$@"
    elif have nsenter; then
        nsenter --net="$place" -- "$@"
    else
        ip netns exec "${place##*/}" "$@"
    fi
}
reachable() { # namespace's path, inode or ''
    [ -z "$1" ] && return 0
    [ -e "$1" ] || { refuse "the network namespace $1 is not there" && return 1; }
    # shellcheck disable=SC2012  # stat(1) is no part of POSIX
    set -- "$1" "$2" "$(ls -diL "$1" 2>/dev/null | sed 's/^ *\([0-9]*\).*/\1/')"
    [ -z "$2" ] || [ "$2" = "$3" ] || { refuse "the network namespace $1 is another one now" && return 1; }
}
# The same for the step's namespace. With one that is gone, what was changed in it is gone too.
at_place() { # operation
    gone=1
    if [ "$1" = back ] && [ "$force" = yes ] && kept "$step.before"; then
        reachable "$space" "$inode" && return 0
        say "what was changed there is gone with it"
        forget "$step" && gone=0
        return 1
    fi
    reachable "$space" "$inode"
}

# What `back` needs: a file for each value, whole or not there at all, written before the change.
keep() { # record, value
    printf '%s\n' "$2" >"$STATE/$1.new" && mv "$STATE/$1.new" "$STATE/$1"
}
kept() { [ -n "$STATE" ] && [ -f "$STATE/$1" ]; }
value_of() { cat "$STATE/$1" 2>/dev/null; }
forget() { # step; its first record last: while that is there, the step counts as done
    rm -rf "$STATE/$1.after" "$STATE/$1.listing" "$STATE/$1.absent" "$STATE/$1.wants" &&
        rm -f "$STATE/$1.before" "$STATE/$1.leaving"
}
same_text() { # two files
    if have cmp; then cmp -s "$1" "$2"; else [ "$(cat "$1"; echo .)" = "$(cat "$2"; echo .)" ]; fi
}

find_state() { # make it too?
    for base in /var/lib/halftrack-script /root/.halftrack-script /run/halftrack-script; do
        if [ -d "$ROOT$base/$PLAN" ] && [ ! -L "$ROOT$base" ]; then
            STATE=$ROOT$base/$PLAN
            return 0
        fi
    done
    [ "$1" = make ] || return 1
    for base in /var/lib/halftrack-script /root/.halftrack-script /run/halftrack-script; do
        [ -L "$ROOT$base" ] && continue
        tried=$ROOT$base/$PLAN/.try
        # A full disk may still take a file, but nothing in it.
        if mkdir -p "$ROOT$base/$PLAN" 2>/dev/null && echo try 2>/dev/null >"$tried"; then
            rm -f "$tried"
            STATE=$ROOT$base/$PLAN
            case $base in /run/*) warn "what back needs is in $STATE: it does not survive a reboot" ;; esac
            return 0
        fi
        rm -f "$tried" 2>/dev/null
        rmdir "$ROOT$base/$PLAN" "$ROOT$base" 2>/dev/null
    done
    stop 76 "nothing was changed: nowhere to keep what back needs (/var/lib, /root, /run)"
}
lock() {
    if ! mkdir "$STATE/lock" 2>/dev/null; then
        # The way back is not to be lost with the room for a lock.
        [ -e "$STATE/lock" ] || { warn "no lock can be made in $STATE" && return 0; }
        holder=$(cat "$STATE/lock/pid" 2>/dev/null)
        if [ -n "$holder" ] && kill -0 "$holder" 2>/dev/null; then
            stop 75 "this script runs here already (process $holder)"
        fi
        rm -rf "$STATE/lock"
        mkdir "$STATE/lock" 2>/dev/null || stop 75 "this script runs here already"
    fi
    LOCK=$STATE/lock
    echo "$$" 2>/dev/null >"$LOCK/pid" || :
}
unlock() {
    [ -z "$LOCK" ] || rm -rf "$LOCK"
    LOCK=
}

must_be_here() {
    [ "$(id -u)" = 0 ] || stop 77 "only root can do this"
    [ "$elsewhere" = no ] || return 0
    [ -n "$NODE" ] || stop 76 "the plan does not know which node its table is from: --elsewhere if it is this one"
    case $HOST in
    "$NODE" | "$NODE".*) return 0 ;;
    esac
    case $NODE in "$HOST".*) return 0 ;; esac
    stop 76 "this plan is for $NODE, not for this node (--elsewhere if it is nevertheless)"
}

by_hand() { # operation, whose it is, lines
    case $1 in show | 'do') ;; *) return 0 ;; esac
    manager=$2
    shift 2
    say "  by hand, as it belongs to $manager:"
    for line in "$@"; do say "    $line"; done
}
not_here() { # operation, what this script cannot do
    case $1 in
    show) say "  not by this script: $2" ;;
    do)
        warn "not done: $2"
        partly=1
        ;;
    esac
}
first_by_hand() { # operation, what has to be there first
    case $1 in
    show) say "  first, by hand: $2" ;;
    check) [ "$force" = yes ] || refuse "first, by hand: $2; then --force" ;;
    esac
}
# The kernel's older NOTRACK does what `CT --notrack` does in kernels that have it.
spelled_for_this_kernel() {
    case $(uname -r) in
    2.*) printf '%s\n' "$text" | sed 's/-j CT --notrack$/-j NOTRACK/' ;;
    *) printf '%s\n' "$text" ;;
    esac
}
without_ipv6() { # iptables or ip6tables, inet or inet6
    case $1 in *6*) [ ! -e /proc/net/if_inet6 ] ;; *) return 1 ;; esac
}
