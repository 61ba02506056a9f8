# owners: whose the namespaces and their addresses are. Only who runs here is asked: no daemon is begun.
owners() {
    pids=
    for each in $list; do
        case $each in
            "$OWN="* | "$FIRST="* | *=/*) ;;
            *) pids="$pids ${each#*=}" ;;
        esac
    done
    section owners/lines owner_lines
    section owners/processes processes_elsewhere
}

# runtimes SECONDS: what they know of their containers, each for so long at most and as there is time.
runtimes() {
    for runtime in vzlist docker podman; do
        runs_$runtime || continue
        now
        ONE_S=$((left - reserve - 2))
        [ "$ONE_S" -le "$1" ] || ONE_S=$1
        section "owners/$runtime" ${runtime}_listing
    done
    ONE_S=20
}

runs_vzlist() { has vzlist; }
runs_docker() { has docker && of_each comm cat 2>/dev/null | grep -qx dockerd; }
# The first podman after a boot mounts its storage; where nothing is mounted nothing runs, and we are not the first.
runs_podman() {
    has podman && { [ -e /run/libpod/alive ] || [ -e /run/containers/storage ]; } || return 1
    ! [ -d /var/lib/containers/storage/overlay ] ||
        grep -q ' /var/lib/containers/storage/overlay' "$PROC/self/mountinfo"
}

# owner_lines: lines of files, each behind the name of its file: one process of each namespace tells.
owner_lines() {
    # shellcheck disable=SC2086  # a list of words
    {
        printf '/proc/%s/cgroup\n' $pids | in_batches grep -s -H ''
        printf '/proc/%s/net/if_inet6\n' $pids | in_batches grep -s -H ''
        printf '/proc/%s/net/fib_trie\n' $pids | in_batches grep -s -H -e '|-- ' -e 'host LOCAL'
        [ ! -d /proc/vz ] || printf '/proc/%s/status\n' $pids | in_batches grep -s -H '^envID:'
    }
    grep -s -H '^lxc.uts' /var/lib/lxc/*/config
}

# processes_elsewhere: "PID INODE" of those that live in no namespace of the node's own.
processes_elsewhere() {
    living | sed -e "/^$OWN /d" -e "/^$FIRST /d" -e 's/^\([0-9]*\) \([0-9]*\)$/\2 \1/'
}

# By what is asked for in a command substitution nothing is held open that has to end.
vzlist_listing() {
    told=$(vzlist -a -H -t -o ctid,hostname,name,ip) || told=$(vzlist -a -H -o veid,hostname,name,ip)
    printf '%s\n' "$told"
}

docker_listing() {
    ids=$(docker ps -q --no-trunc) || return 1
    # shellcheck disable=SC2086,SC2016  # a list of words; expanded by docker
    [ -z "$ids" ] || exec docker inspect --type container --format 'docker {{.Id}} {{.State.Pid}} {{.Name}}{{range .NetworkSettings.Networks}} {{.IPAddress}} {{.GlobalIPv6Address}}{{end}}{{range $p, $all := .NetworkSettings.Ports}}{{range $all}} {{.HostIp}}:{{.HostPort}}->{{$p}}{{end}}{{end}}' $ids
}

podman_listing() {
    exec podman ps --no-trunc --format \
        'podman {{.ID}} {{.Pid}} {{.Names}} pod={{.Pod}}/{{.PodName}} {{if .IsInfra}}infra{{end}} {{.Ports}}'
}
