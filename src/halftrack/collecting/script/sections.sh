# limited COMMAND...: its output, for ONE_S seconds at most.
limited() {
    # What is called becomes the process that is killed: none of ours is left that holds our output open.
    { "$@"; } 2>/dev/null &
    child=$!
    watched "$ONE_S" "$child" KILL &
    watcher=$!
    wait "$child"
    code=$?
    kill -USR1 "$watcher" 2>/dev/null
    return "$code"
}

# watched SECONDS PROCESS SIGNAL: in the background; nothing of it is left when it is sent USR1 itself.
watched() {
    before=$!
    # By exec: shells keep what a redirection of a function replaces, and so hold it open.
    exec >/dev/null 2>&1 3>&- 4>&-
    # Set before anything is begun, and KILL: a process that was forked just now loses a signal that its
    # shell has a trap for. Nobody here has one for USR1.
    trap '[ "$!" = "$before" ] || kill -KILL "$!"; exit 0' USR1
    sleep "$1" &
    wait "$!"
    kill -"$3" "$2"
}

# section NAME COMMAND...: what a command prints, whatever it is.
section() {
    name=$1
    shift
    kill -0 "$$" 2>/dev/null || exit 76 # whoever began this is gone
    now
    put '\n%s begin %s %s\n' "$TOKEN" "$NOW" "$name"
    limited "$@"
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
