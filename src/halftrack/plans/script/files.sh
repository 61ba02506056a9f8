# One file, written whole: `path` under ROOT, `content` without its last line end, `mode` if it is new.
one_file() { # operation
    line=''
    file_of_step "$1"
}
# A line of ours in somebody else's file, below its first line if that names an interpreter.
one_line() { # operation, path, line
    path=$2 line=$3 mode=644
    if grep -qsxF "$line" "$ROOT$path"; then
        content=$(cat "$ROOT$path")
    else
        content=$(sed -n '1{/^#!/p;}' "$ROOT$path"; printf '%s\n' "$line"; sed '1{/^#!/d;}' "$ROOT$path")
    fi
    file_of_step "$1"
}
file_of_step() { # operation
    target=$ROOT$path
    if not_of_the_node; then
        [ "$1" != show ] || say "  does not write $path: this is not the node's own network namespace"
        return 0
    fi
    case $1 in
    show) say "  writes $path" ;;
    check) check_file ;;
    note) note_file ;;
    do) write_file ;;
    may_go_back) file_as_left || refuse "$path was changed since" ;;
    back) file_back ;;
    esac
}
check_file() {
    if [ -L "$target" ] || { [ -e "$target" ] && [ ! -f "$target" ]; }; then
        refuse "$path is not a plain file"
    elif kept "$step.before" && ! file_as_left; then
        refuse "$path was changed after this script wrote it"
    fi
    folder=${target%/*}
    while [ ! -d "$folder" ]; do
        [ ! -e "$folder" ] || { refuse "$folder is not a directory" && return 0; }
        folder=${folder%/*}
        [ -n "$folder" ] || folder=/
    done
    [ -w "$folder" ] || refuse "$folder cannot be written to"
}
holds_content() { [ -f "$target" ] && [ "$(cat "$target"; echo .)" = "$content
." ]; }
note_file() {
    kept "$step.before" && return 0
    holds_content && return 0
    rm -f "$STATE/$step.absent"
    keep "$step.after" "$content" || return 1
    folder=${target%/*} made=
    while [ ! -d "$folder" ]; do
        made="$made$folder
"
        folder=${folder%/*}
    done
    # Of all parts together: the last one to go back removes what another has made.
    [ -z "$made" ] || keep made.directories "$made$(value_of made.directories)" || return 1
    if [ -e "$target" ]; then
        cp -p "$target" "$STATE/$step.before.new" || return 1
    else
        : >"$STATE/$step.absent" || return 1
        : >"$STATE/$step.before.new" || return 1
    fi
    mv "$STATE/$step.before.new" "$STATE/$step.before"
}
write_file() {
    if holds_content; then
        say "$path is as wanted already"
        return 0
    fi
    fresh=$target.halftrack-new
    rm -f "$fresh"
    (umask 022 && mkdir -p "${target%/*}") 2>/dev/null
    if [ -e "$target" ]; then cp -p "$target" "$fresh"; else : >"$fresh" && chmod "$mode" "$fresh"; fi &&
        printf '%s\n' "$content" >"$fresh" && mv "$fresh" "$target"
    if holds_content; then
        say "wrote $path"
    else
        rm -f "$fresh"
        warn "$path could not be written"
        return 1
    fi
}
file_as_was() {
    if kept "$step.absent"; then [ ! -e "$target" ]; else [ -f "$target" ] && same_text "$target" "$STATE/$step.before"; fi
}
file_as_left() {
    ! kept "$step.before" || file_as_was || line_alone || { [ -f "$target" ] && same_text "$target" "$STATE/$step.after"; }
}
line_alone() { [ -n "$line" ] && grep -qsxF "$line" "$target"; }
restore_file() {
    if kept "$step.absent"; then
        rm -f "$target"
    else
        cp -p "$STATE/$step.before" "$target.halftrack-new" && mv "$target.halftrack-new" "$target"
    fi
    file_as_was
}
file_back() {
    kept "$step.before" || return 0
    rm -f "$target.halftrack-new"
    if ! file_as_was; then
        if line_alone && ! same_text "$target" "$STATE/$step.after"; then
            cp -p "$target" "$target.halftrack-new" && { grep -vxF "$line" "$target" >"$target.halftrack-new" || :; } &&
                mv "$target.halftrack-new" "$target"
            ! line_alone || { warn "$path could not be put back" && return 1; }
        else
            restore_file || { warn "$path could not be put back" && return 1; }
        fi
        say "$path is as before"
        changed=1
    fi
    value_of made.directories | while read -r folder; do
        case $target in "$folder"/*) rmdir "$folder" 2>/dev/null ;; esac
    done
    forget "$step"
}
