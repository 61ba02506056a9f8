# --- sections

function at_private_end() {
    if (private == "mask/names") { choose_stem() }
    if (private == "mask/networks") { lay_out(); add_chosen(); let_go() }
    private = ""
}

# Names that listings of containers tell, before anything is sent.
function learn(    p, n, i) {
    if ($1 == mark) { listing = $2 == "begin" ? $4 : ""; return }
    if (listing == "owners/docker" || listing == "owners/podman") {
        add_name($2)
        n = split($4, p, ",")
        for (i = 1; i <= n; i++) { add_name(p[i]) }
        if ($5 ~ /^pod=/) { split(substr($5, 5), p, "/"); add_name(p[1]); add_name(p[2]) }
    } else if (listing == "owners/vzlist") {
        add_name($1); add_name($2); add_name($3)
        if (split($2, p, ".") > 1) { add_name(p[1]); add_name(substr($2, length(p[1]) + 2)) }
    } else if (listing == "owners/lines" && /lxc[.]uts/) {
        p[1] = $0; sub(/.*= */, "", p[1]); add_name(p[1])
        p[1] = $0; sub(/\/config:.*/, "", p[1]); sub(/.*\//, "", p[1]); add_name(p[1])
    } else if (listing ~ /^ns\// && $1 == "where") {
        p[1] = $2; sub(/.*\//, "", p[1]); add_name(p[1])
    }
}

function let_go(    i) {
    laid_out = 1
    for (i = 1; i <= holding; i++) {
        $0 = held[i]
        delete held[i]
        one_line()
    }
}

function one_line() {
    if ($1 == mark && ($2 == "begin" || $2 == "end" || $2 == "complete" || $2 == "stopped")) { at_mark() } else { print content($0) }
}

function at_mark(    name) {
    if ($2 == "complete" || $2 == "stopped") { print; return }
    name = $0
    sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", name)
    # Of a network that is not known as one it cannot be told who is in it: then routes are not whole.
    if ($2 == "end" && what == "routes" && unplaced) { print "and more\n" }
    unplaced = 0
    if ($2 == "begin") {
        section = what = name
        if (name ~ /^ns\//) { sub(/^ns\/[^\/]*\//, "", what) }
    } else {
        if (name == "about") { print "masked substituted" (by == "" ? "" : "\nmasked_by " by) }
        section = what = ""
    }
    print $1 " " $2 " " $3 " " anywhere(name)
}

function content(line,    key) {
    if (what ~ /^entries\//) { return entry(line) }
    if (what ~ /^net\/(tcp|udp)/) { return socket(line) }
    if (what ~ /^net\/ip_vs/) { return served(line) }
    if (what ~ /^[12]\/(stat|snmp|netstat)/ || what ~ /^(missing|late|unseen|shut|hidden)$/) { return line }
    if (what == "running") { return telling(line) ? named(line, 1) : names(line) }
    if (what == "there") { return line ~ /^\/var\/log\/pods/ ? anywhere(line) : line }
    if (section ~ /^owners\/(docker|podman|vzlist)/) { return owner(line) }
    if (section == "owners/lines" && match(line, /if_inet6:[0-9a-f]+ /)) {
        return substr(line, 1, RSTART + 8) hexadecimal(substr(line, RSTART + 9, RLENGTH - 10), 0) anywhere(substr(line, RSTART + RLENGTH - 1))
    }
    if (what == "about") { return about(line) }
    if (what == "mounts" && match(line, /[^\/]+$/)) { return substr(line, 1, RSTART - 1) named(substr(line, RSTART)) }
    if (what == "nft.json") { return json(line) }
    # Names of settings are words of the kernel, but for those of interfaces in them.
    if ((what == "settings" || section ~ /sysctl/) && line !~ /(conf|neigh)[.\/]/) { return section ~ /^file/ && line ~ /^[ \t]*[#;]/ ? "#" : line }
    if (section ~ /^file\/proc\/(modules|slabinfo)/) { return line }
    if (section ~ /^file\/(etc|run|usr|lib)\// && line ~ /^[ \t]*[#;]/) { return "#" }
    if (what == "nft" || what ~ /^save\//) { line = comments(line) }
    # Whoever made an interface may have written anything behind this word.
    if (what == "addresses" && line ~ /^ *alias /) { return "" }
    # Numbers of bridges and of MACsec are MAC addresses, spelled as nothing else is, and nobody reads them.
    if (what == "addresses") { gsub(/(bridge_id|designated_root|designated_bridge|sci) [^ ]+ */, "", line) }
    return anywhere(line)
}

function about(line,    key, value, at) {
    at = index(line, " ")
    if (at == 0) { return anywhere(line) }
    key = substr(line, 1, at - 1); value = substr(line, at + 1)
    if (key == "node" || key == "comm") { return value == "" ? line : key " " named(value, key == "comm") }
    if (key == "machine") { return value == "" ? line : key " " identity(value) }
    if (key == "where" && value ~ /\//) {
        match(value, /[^\/]*$/)
        return key " " substr(value, 1, RSTART - 1) named(substr(value, RSTART))
    }
    return line
}

# A container of a listing, whose name is one even where it is a word that names nobody elsewhere.
function owner(line,    n, p, i, j, m, q, found) {
    n = split(line, p, " ")
    if (section == "owners/vzlist") {
        p[1] = named(p[1])
        for (i = 2; i <= 3 && i <= n; i++) { if (p[i] != "-") { p[i] = named(p[i]) } }
        i = 4
    } else {
        if (n < 4) { return anywhere(line) }
        p[2] = identity(p[2])
        m = split(p[4], q, ",")
        p[4] = ""
        for (j = 1; j <= m; j++) {
            p[4] = p[4] (j > 1 ? "," : "") (q[j] ~ /^\// ? "/" named(substr(q[j], 2)) : named(q[j]))
        }
        i = 5
        if (p[5] ~ /^pod=./ && split(substr(p[5], 5), q, "/") == 2) {
            p[5] = "pod=" (q[1] == "" ? "" : identity(q[1])) "/" (q[2] == "" ? "" : named(q[2]))
            i = 6
        }
    }
    for (; i <= n; i++) { p[i] = anywhere(p[i]) }
    found = p[1]
    for (i = 2; i <= n; i++) { found = found " " p[i] }
    return found
}

# An entry: addresses stand behind "src=" and "dst=", of which one follows the other; there are many of them.
function entry(line,    found, at, key) {
    found = ""
    while ((at = index(line, "src="))) {
        found = found beside(substr(line, 1, at - 1))
        line = substr(line, at)
        for (key = "src="; substr(line, 1, length(key)) == key; key = " dst=") {
            line = substr(line, length(key) + 1)
            at = index(line, " ")
            if (!at) { at = length(line) + 1 }
            found = found key end_of(substr(line, 1, at - 1))
            line = substr(line, at)
            if (key == " dst=") { break }
        }
    }
    return found == "" ? anywhere(line) : found beside(line)
}

function end_of(word) {
    if (word in spelled) { return spelled[word] }
    return index(word, ".") || index(word, ":") ? run(word) : word
}

# What else an entry holds: only addresses stand behind an equals sign and hold a dot or a colon.
function beside(text,    n, p, i, at, found) {
    if (!index(text, ".") && !index(text, ":")) { return text }
    n = split(text, p, "=")
    found = p[1]
    for (i = 2; i <= n; i++) {
        at = index(p[i], " ")
        if (!at) { at = length(p[i]) + 1 }
        found = found "=" end_of(substr(p[i], 1, at - 1)) substr(p[i], at)
    }
    return found
}

# A line of /proc/net/tcp: both ends in hexadecimal, each 32 bits in the order of a little-endian machine.
function socket(line,    i, n, p, word, at, found) {
    n = split(line, p, " ")
    if (p[2] !~ /:/ || p[3] !~ /:/) { return line }
    found = line
    for (i = 2; i <= 3; i++) {
        at = index(p[i], ":")
        word = substr(p[i], 1, at - 1)
        at = index(found, p[i])
        found = substr(found, 1, at - 1) hexadecimal(word, 1) substr(found, at + length(word))
    }
    return found
}

# IPVS prints addresses as they are read.
function served(line,    done, word) {
    done = ""
    while (match(line, /[0-9A-F]+:[0-9A-F][0-9A-F][0-9A-F][0-9A-F]/)) {
        word = substr(line, RSTART, RLENGTH - 5)
        done = done substr(line, 1, RSTART - 1) (length(word) == 8 ? hexadecimal(word, 0) : word) substr(line, RSTART + RLENGTH - 5, 5)
        line = substr(line, RSTART + RLENGTH)
    }
    return anywhere(done line)
}

# nft prints one line, however long: what stands in quotes is looked at by itself.
function json(line,    n, p, i, len, its, inside) {
    n = split(line, p, "\"")
    inside = 0
    for (i = 1; i <= n; i++) {
        if (i > 1) { printf "\"" }
        if (i % 2 && !inside) { printf "%s", p[i]; continue }
        if (i > 2 && p[i - 2] == "comment") { inside = 1 }
        if (inside) {
            printf "%s", anywhere(words_of(p[i]))
            if (p[i] !~ /\\$/) { inside = 0 }
        } else if (p[i + 2] == "len" && p[i - 2] == "addr" && match(p[i + 3], /[0-9]+/)) {
            len = substr(p[i + 3], RSTART, RLENGTH)
            its = with_length(p[i], len)
            if (its == "") { its = p[i] "/" len }
            printf "%s", substr(its, 1, index(its, "/") - 1)
            sub(/[0-9]+/, substr(its, index(its, "/") + 1), p[i + 3])
        } else {
            printf "%s", anywhere(p[i])
        }
    }
    return ""
}
