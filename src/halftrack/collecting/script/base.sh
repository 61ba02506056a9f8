#!/bin/sh
# Collects what Halftrack's doctor looks at on a node where Halftrack cannot run:
#
#     ssh node sh -s < collect.sh > node.collected        halftrack doctor node.collected
#
# Reads only; writes to standard output alone, and what it does to standard error. Runs at the lowest
# priority, ends after 60 s or 512 MB, loads no module, switches nothing on. Needs a POSIX shell and what
# every system has (cat, grep, ls, sed, sleep, sort); of the rest it says what was missing. After the 60 s
# nothing of the node is read or held open: it waits alone for who reads it, and gives up where nothing
# more could be written for five minutes.
#
# HALFTRACK_ROOT=DIR: /proc, /sys and /etc are those below DIR; they are read once, as files, and no tool is
# asked. HALFTRACK_SECONDS, HALFTRACK_BETWEEN: how long it may take, and how far the readings are apart.
# HALFTRACK_STILL: for how many seconds more nothing may be taken before the rest is given up.
#
# What is printed is text in sections between lines that begin with a word made up for this run; it is
# packed with gzip where there is one. Exit codes: 0 done, 64 standard output is a terminal, 69 something
# is missing without which nothing goes, 74 it could not be written, 76 done in part.

set -u
# Without it root would make a file in its place with the next line, for everybody.
[ -e /dev/null ] && [ -r /dev/null ] && [ -w /dev/null ] || {
    printf '%s\n' 'halftrack-collect: /dev/null is missing here, or closed: mknod -m 666 /dev/null c 1 3' >&2
    exit 69
}
# Where no more processes may be begun some shells try again for a quarter of a minute each time, and others end
# with a word of their own: found out before the first one. For root the limit does not count.
AT_ONCE=32
user=
may=
{
    while read -r key value _; do
        [ "$key" != Uid: ] || user=$value
    done </proc/self/status
    while read -r key what value _; do
        [ "$key $what" != 'Max processes' ] || may=$value
    done </proc/self/limits
} 2>/dev/null
case $user:$may in
    0:* | *: | *[!0-9:]*) ;;
    *)
        [ "$may" -ge "$AT_ONCE" ] || {
            printf '%s\n' "halftrack-collect: it takes $AT_ONCE processes, and this user may have $may: ulimit -u" >&2
            exit 69
        }
        ;;
esac
ZONE=$(date +%z 2>/dev/null)
LC_ALL=C
TZ=UTC0
export LC_ALL TZ
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
ROOT=${HALFTRACK_ROOT:-}
PROC=$ROOT/proc
MOST_S=${HALFTRACK_SECONDS:-60}
BETWEEN_S=${HALFTRACK_BETWEEN:-5}
MOST_BYTES=536870912
STILL_S=${HALFTRACK_STILL:-240}
ONE_S=20
MANY=1000
MOST_TOLD=8

# say WORD...: to whoever looks on, if anybody does.
say() { printf '%s\n' "$*" >&2 2>/dev/null || :; }
has() { command -v "$1" >/dev/null 2>&1; }
# in_batches COMMAND...: with the words of standard input behind it, so many at a time as the kernel takes.
in_batches() {
    if has xargs; then
        xargs "$@"
        return
    fi
    while read -r line; do
        batch=
        words=0
        for word in $line; do
            batch="$batch $word"
            words=$((words + 1))
            # shellcheck disable=SC2086  # a list of words
            [ "$words" -lt 1000 ] || { "$@" $batch && batch='' && words=0; }
        done
        # shellcheck disable=SC2086  # likewise
        [ -z "$batch" ] || "$@" $batch
    done
}
# can TOOL: whether it is there, and what it tells is of the node that is looked at.
can() { [ -z "$ROOT" ] && has "$1"; }
# Not by the shell's own read: one byte at a time, a sysctl gives its first alone.
first_line() { [ -r "$1" ] && sed -n '1{p;q;}' "$1" 2>/dev/null; }
# now: set NOW to the seconds since this machine was booted, and left to those that are left to us.
now() {
    { read -r NOW _ </proc/uptime; } 2>/dev/null || NOW=0
    left=$((MOST_S - ${NOW%%.*} + ${BEGUN_S:-0}))
}
# shellcheck disable=SC2012  # ls shows the links of all at once
# namespace PROCESS: the number of the network namespace that it lives in.
namespace() { ls -l "$PROC/$1/ns/net" 2>/dev/null | number; }
number() { sed -n 's/.*net:\[\([0-9]*\)\]$/\1/p'; }
# known MODULE: whether the kernel has it; one that is asked for what it has not may load a module.
known() {
    [ -e "/sys/module/$1" ] || ! [ -e /proc/modules ] ||
        grep -q "/$1\.ko" "/lib/modules/$KERNEL/modules.builtin" 2>/dev/null
}

refuse() {
    code=$1
    shift
    say "halftrack-collect: $*"
    exit "$code"
}

# put FORMAT WORD...: a line of ours. Nothing is done for a reader who is gone.
put() {
    # shellcheck disable=SC2059  # formats of ours
    printf "$@" 2>/dev/null || exit 141
}
