# limited COMMAND...: its output, for ONE_S seconds at most.
limited() {
    # What is called becomes the process that is killed: none of ours is left that holds our output open.
    by=KILL
    { "$@"; } 2>/dev/null &
    child=$!
    attended
}

# together FUNCTION WORD...: one that prints sections, all of them in ONE_S seconds: one who watches them will do.
together() {
    kill -0 "$$" 2>/dev/null || exit 76 # whoever began this is gone
    by=TERM
    {
        child=
        trap '{ kill -KILL "$child"; } 2>/dev/null; exit 143' TERM
        among=yes
        "$@"
    } 2>/dev/null &
    child=$!
    attended
}

# attended: wait for the child, which is ended by the signal at hand when its time is up.
attended() {
    watched "$ONE_S" "$child" "$by" &
    watcher=$!
    { wait "$child"; } 2>/dev/null # that it was killed no shell needs to tell
    code=$?
    relieve
    return "$code"
}

# watched SECONDS PROCESS SIGNAL: in the background, until it is relieved.
watched() {
    # By exec: shells keep what a redirection of a function replaces, and so hold it open.
    exec >/dev/null 2>&1 3>&- 4>&-
    # Second by second: no trap that could end a long sleep is safe in all shells, and one of a second may stay.
    for_s=$1
    while [ "$for_s" -gt 0 ]; do
        sleep 1
        # Who was to relieve us is gone, too, and the number may soon be somebody else's.
        kill -0 "$2" || exit 0
        for_s=$((for_s - 1))
    done
    kill -"$3" "$2"
    # Some shells run no trap for as long as a line of theirs is not taken by who reads it.
    sleep 1
    kill -KILL "$2"
}

# relieve: who watches is gone when this returns. Waited for, so that no shell tells of its end.
relieve() {
    { kill -KILL "$watcher" && wait "$watcher"; } 2>/dev/null
}

# still SECONDS PROCESS: in the background, until it is relieved: end the process when for so long it has moved
# nothing, which the kernel shows by how often it has waited. Kernels before 2.6.23 do not show it.
still() {
    exec >/dev/null 2>&1 3>&- 4>&-
    before=
    for_s=0
    while [ "$for_s" -lt "$1" ] && kill -0 "$2"; do
        sleep 1
        waits=$(grep ctxt_switches "/proc/$2/status")
        if [ -n "$waits" ] && [ "$waits" = "$before" ]; then for_s=$((for_s + 1)); else for_s=0; fi
        before=$waits
    done
    # By a signal that hardly anybody else sends, so that the end of it is told from others.
    [ "$for_s" -lt "$1" ] || kill -ALRM "$2"
    # Some shells wait for all that is piped into it as well: until then this number must not be somebody else's.
    while kill -0 "$$"; do sleep 1; done
}

# section NAME COMMAND...: what a command prints, whatever it is.
section() {
    name=$1
    shift
    kill -0 "$$" 2>/dev/null || exit 76 # whoever began this is gone
    now
    put '\n%s begin %s %s\n' "$TOKEN" "$NOW" "$name"
    if [ "$among" = yes ]; then
        { "$@"; } 2>/dev/null &
        child=$!
        { wait "$child"; } 2>/dev/null
    else
        limited "$@"
    fi
    put '\n%s end %s %s\n' "$TOKEN" "$?" "$name"
}

# copied PATTERN...: files as they are, those that can be read.
copied() {
    for pattern; do
        for file in "$ROOT"$pattern; do
            if [ -f "$file" ] && [ -r "$file" ]; then section "file${file#"$ROOT"}" cat "$file"; fi
        done
    done
}
