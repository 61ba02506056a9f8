# Masks what the collecting script prints, line by line; says on standard error what was wrong. With
# job=networks it prints the networks that its input names instead, for sort(1) and the section mask/networks.
#
# Variables: map, the file that keeps what stands for what; plain, words that name nobody.
# Nothing beyond what mawk 1.3.3 and busybox awk know: no intervals in regular expressions, no bits.

BEGIN {
    for (i = 0; i < 16; i++) { digit[substr("0123456789abcdef", i + 1, 1)] = i }
    for (i = 0; i <= 32; i++) { power[i] = i ? 2 * power[i - 1] : 1 }
    n = split(plain, words, " ")
    for (i = 1; i <= n; i++) { is_plain[words[i]] = 1 }
    stem = "masked"
    next_loose = 250 * power[24] + 1; next_link = 169 * power[24] + 254 * power[16] + 257
    next_group = 225 * power[24] + 1; next_loose6 = 0; next_link6 = 0; next_group6 = 0
    if (job == "") { note("halftrack-map 1", ""); kept = 0 }
}

job == "networks" { name_networks($0); comments($0); next }

NR == 1 { mark = $3; print; next }
$1 == mark && $2 == "begin" && $4 ~ /^mask\// { private = $4; next }
$1 == mark && $2 == "end" && private != "" { at_private_end(); next }
private == "mask/names" { add_name($0); next }
private == "mask/networks" { take_network($0); next }
# An address gets its stand-in where it is first seen: until its network is known, everything has to wait.
!laid_out { learn(); held[++holding] = $0; next }
{ one_line() }

END { if (job == "" && !laid_out) { let_go() } }
END { if (job == "") { print "end " kept > map; if (close(map) != 0) complain("the map could not be written") } }

function complain(what) { print "halftrack-collect: " what > "/dev/stderr" }
function note(kind, rest) { if (job == "") { write(kind rest) } }
function write(line) { print line > map; kept++ }

# --- sections

function at_private_end() {
    if (private == "mask/names") { choose_stem() }
    if (private == "mask/networks") { lay_out(); let_go() }
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
    if ($1 == mark && ($2 == "begin" || $2 == "end" || $2 == "complete")) { at_mark() } else { print content($0) }
}

function at_mark(    name) {
    if ($2 == "complete") { print; return }
    name = $0
    sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", name)
    if ($2 == "begin") {
        section = what = name
        if (name ~ /^ns\//) { sub(/^ns\/[^\/]*\//, "", what) }
    } else {
        if (name == "about") { print "masked substituted" }
        section = what = ""
    }
    print $1 " " $2 " " $3 " " anywhere(name)
}

function content(line,    key) {
    if (what ~ /^entries\//) { return entry(line) }
    if (what ~ /^net\/(tcp|udp)/) { return socket(line) }
    if (what ~ /^net\/ip_vs/) { return served(line) }
    if (what ~ /^[12]\/(stat|snmp|netstat)/ || what == "running" || what == "missing" || what == "late") { return line }
    if (what == "there") { return line ~ /^\/var\/log\/pods/ ? anywhere(line) : line }
    if (section ~ /^owners\/(docker|podman|vzlist)/) { return owner(line) }
    if (section == "owners/lines" && match(line, /if_inet6:[0-9a-f]+ /)) {
        return substr(line, 1, RSTART + 8) hexadecimal(substr(line, RSTART + 9, RLENGTH - 10), 0) names(substr(line, RSTART + RLENGTH - 1))
    }
    if (what == "about") { return about(line) }
    if (what == "mounts" && match(line, /[^\/]+$/)) { return substr(line, 1, RSTART - 1) named(substr(line, RSTART)) }
    if (what == "nft.json") { return json(line) }
    # Names of settings are words of the kernel, but for those of interfaces in them.
    if ((what == "settings" || section ~ /sysctl/) && line !~ /(conf|neigh)[.\/]/) { return section ~ /^file/ && line ~ /^[ \t]*[#;]/ ? "#" : line }
    if (section ~ /^file\/proc\/(modules|slabinfo)/) { return line }
    if (section ~ /^file\/(etc|run|usr|lib)\// && line ~ /^[ \t]*[#;]/) { return "#" }
    if (what == "nft" || what ~ /^save\//) { line = comments(line) }
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

# An entry: only addresses stand behind an equals sign and hold a dot or a colon.
function entry(line,    n, p, i, at, word, found) {
    n = split(line, p, "=")
    if (n < 5) { return anywhere(line) }
    found = p[1]
    for (i = 2; i <= n; i++) {
        at = index(p[i], " ")
        word = at ? substr(p[i], 1, at - 1) : p[i]
        if (word in spelled) {
            found = found "=" spelled[word] (at ? substr(p[i], at) : "")
        } else if (index(word, ".") || index(word, ":")) {
            found = found "=" run(word) (at ? substr(p[i], at) : "")
        } else {
            found = found "=" p[i]
        }
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

# --- text

# Addresses first, then names, as the way back takes them in the other order.
function anywhere(line) { return names(addresses(line)) }

function addresses(line,    done, word, before, after, pair, was_turned) {
    done = ""
    if (line ~ /ip-[0-9]/) { line = dashed(line) }
    was_turned = line ~ /in-addr/
    if (was_turned) { line = turned(line) }
    while (match(line, /[0-9A-Fa-f:.][0-9A-Fa-f:.][0-9A-Fa-f:.][0-9A-Fa-f:.][0-9A-Fa-f:.][0-9A-Fa-f:.]+|[0-9A-Fa-f]*::[0-9A-Fa-f:.]*/)) {
        word = substr(line, RSTART, RLENGTH)
        before = RSTART > 1 ? substr(line, RSTART - 1, 1) : substr(done, length(done), 1)
        done = done substr(line, 1, RSTART - 1)
        line = substr(line, RSTART + RLENGTH)
        after = ""
        if (match(line, /^\/[0-9][0-9.]*/)) { after = substr(line, 2, RLENGTH - 1) }
        if (after != "" && (pair = with_length(word, after)) != "") {
            done = done pair
            line = substr(line, length(after) + 2)
        } else {
            done = done run(word, before, substr(line, 1, 1))
        }
    }
    line = done line
    # Hidden from what looks for addresses that are not turned round.
    if (was_turned) { gsub(/\001addr/, "-addr", line); gsub(/\001/, ".", line) }
    return line
}

# run WORD: what has no signs in it but those of addresses. before, after: the signs beside it.
function run(word, before, after,    n, p, i, found, head, tail) {
    if (word in spelled) { return spelled[word] }
    if (word ~ /:.*:/) {
        head = word ~ /^:([^:]|::)/ ? ":" : ""
        tail = word ~ /([^:]|::):$/ ? ":" : (word ~ /[^.]\.$/ ? "." : "")
        if ((head != "" || before !~ /[0-9A-Za-z]/) && (tail != "" || after !~ /[0-9A-Za-z]/)) {
            found = substr(word, 1 + length(head), length(word) - length(head) - length(tail))
            found = is_mac(found) ? macs(found) : six(found)
            if (found != "") { return head found tail }
        }
    }
    n = split(word, p, ":")
    found = ""
    for (i = 1; i <= n; i++) {
        if (i > 1) { found = found ":" }
        if (p[i] ~ /[.]/) {
            found = found dotted(p[i])
        } else if ((length(p[i]) == 8 || length(p[i]) == 32) && (i > 1 || before !~ /[0-9A-Za-wyz]/) && (i < n || after !~ /[0-9A-Za-z]/)) {
            found = found perhaps(p[i])
        } else {
            found = found id(p[i])
        }
    }
    return found
}

# Of a container, in full.
function id(word) { return length(word) == 64 && word ~ /^[0-9a-f]+$/ ? identity(word) : word }

# dotted WORD: the first four numbers, whatever follows.
function dotted(word,    n, p, i, its, rest) {
    n = split(word, p, ".")
    if (n < 4) { return id(p[1]) substr(word, length(p[1]) + 1) }
    for (i = 1; i <= 4; i++) { if (p[i] !~ /^[0-9]+$/ || p[i] > 255) { return word } }
    its = (p[1] + 0) "." (p[2] + 0) "." (p[3] + 0) "." (p[4] + 0)
    rest = ""
    for (i = 5; i <= n; i++) { rest = rest "." p[i] }
    return four(its) rest
}

function dashed(line,    done, word) {
    done = ""
    while (match(line, /ip-[0-9]+-[0-9]+-[0-9]+-[0-9]+/)) {
        word = substr(line, RSTART + 3, RLENGTH - 3)
        gsub(/-/, ".", word)
        word = dotted(word)
        gsub(/\./, "-", word)
        done = done substr(line, 1, RSTART + 2) word
        line = substr(line, RSTART + RLENGTH)
    }
    return done line
}

function turned(line,    word, p, at, size) {
    while (match(line, /[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+\.in-addr/)) {
        at = RSTART; size = RLENGTH
        word = substr(line, at, size - 8)
        split(word, p, ".")
        split(dotted(p[4] "." p[3] "." p[2] "." p[1]), p, ".")
        line = substr(line, 1, at - 1) p[4] "\001" p[3] "\001" p[2] "\001" p[1] ".in\001addr" substr(line, at + size)
    }
    return line
}

# with_length ADDRESS LENGTH-OR-MASK: both anew, or nothing where that is no such pair.
function with_length(word, size,    hex, v, first, bits, it) {
    if (word ~ /^(127|169\.254|224)\.[0.]*$/) { return word "/" size }
    if (word ~ /:/) {
        if (word ~ /^(fe80|ff00)::$/ && size + 0 < 64) { return word "/" size }
        if (size !~ /^[0-9]+$/ || size + 0 > 128 || (hex = expanded(word)) == "") { return "" }
        size += 0
        if (size == 128 || hex ~ /^00000000000000000000ffff/) { return six(word) "/" size }
        it = find6(hex, size)
        if (it == "") { return six(word) "/" size }
        return (hex == first6(hex, size) ? shown6(image6[it], word) : six(word)) "/" bits6[it]
    }
    if ((v = number(word)) < 0) { return "" }
    bits = size
    if (size ~ /\./) { bits = mask_bits(size) }
    if (bits !~ /^[0-9]+$/ || bits + 0 > 32) { return "" }
    bits += 0
    it = int(v / power[32 - bits]) "/" bits
    if (bits == 32 || !(it in image)) { return four(word) "/" size }
    first = int(v / power[32 - bits]) * power[32 - bits]
    word = v == first ? quad(image[it]) : four(word)
    return word "/" (size ~ /\./ ? quad(power[32] - power[32 - bits_of[it]]) : bits_of[it])
}

function mask_bits(text,    v, i) {
    v = number(text)
    for (i = 0; i <= 32; i++) { if (v == power[32] - power[32 - i]) { return i } }
    return -1
}

# hexadecimal DIGITS SWAPPED: 8 or 32 of them.
function hexadecimal(word, swapped,    key, low, its) {
    key = word " " swapped
    if (key in spelled) { return spelled[key] }
    low = tolower(word)
    if (swapped) { low = words_turned(low) }
    if (length(low) == 8) {
        its = hex_of(four(quad(hexnum(low))))
    } else if (low ~ /^00000000000000000000ffff/) {
        its = substr(low, 1, 24) hex_of(four(quad(hexnum(substr(low, 25)))))
    } else {
        its = known(low)
    }
    if (swapped) { its = words_turned(its) }
    if (word == toupper(word)) { its = toupper(its) }
    spelled[key] = its
    return its
}

# perhaps DIGITS: replaced only where it is known that there is such an address.
function perhaps(word,    low, turned_low) {
    low = tolower(word); turned_low = words_turned(low)
    if (length(low) == 8) {
        if (quad(hexnum(turned_low)) in spelled) { return hexadecimal(word, 1) }
        if (quad(hexnum(low)) in spelled) { return hexadecimal(word, 0) }
    } else {
        if (turned_low in known6 || turned_low ~ /^00000000000000000000ffff/) { return hexadecimal(word, 1) }
        if (low in known6 || low ~ /^00000000000000000000ffff/) { return hexadecimal(word, 0) }
    }
    return word
}

function words_turned(low,    i, found) {
    found = ""
    for (i = 1; i < length(low); i += 8) {
        found = found substr(low, i + 6, 2) substr(low, i + 4, 2) substr(low, i + 2, 2) substr(low, i, 2)
    }
    return found
}

function hexnum(low,    i, v) {
    v = 0
    for (i = 1; i <= length(low); i++) { v = v * 16 + digit[substr(low, i, 1)] }
    return v
}

function hex_of(text,    p) {
    split(text, p, ".")
    return sprintf("%02x%02x%02x%02x", p[1], p[2], p[3], p[4])
}

# --- MAC addresses

function is_mac(word,    n, p, i) {
    n = split(word, p, ":")
    if (n != 6 && n != 14 && n != 20) { return 0 }
    for (i = 1; i <= n; i++) { if (p[i] !~ /^[0-9A-Fa-f][0-9A-Fa-f]$/) { return 0 } }
    return 1
}

function macs(word,    n, p, i, j, found, key) {
    n = split(tolower(word), p, ":")
    found = ""
    for (i = 1; i <= n; i += 6) {
        key = ""
        for (j = i; j < i + 6 && j <= n; j++) { key = key p[j] }
        if (length(key) == 12 && key != "000000000000" && key != "ffffffffffff") {
            if (!(key in mac)) {
                mac[key] = sprintf("f2ffff%06x", ++mac_count)
                note("mac", "\t" key "\t" mac[key])
            }
            key = mac[key]
        }
        for (j = 1; j < length(key); j += 2) { found = found (found == "" ? "" : ":") substr(key, j, 2) }
    }
    return found
}

# --- IPv4

function number(text,    p, i) {
    if (split(text, p, ".") != 4) { return -1 }
    for (i = 1; i <= 4; i++) { if (p[i] !~ /^[0-9]+$/ || p[i] > 255) { return -1 } }
    return ((p[1] * 256 + p[2]) * 256 + p[3]) * 256 + p[4]
}

function quad(v) {
    return int(v / power[24]) "." int(v / power[16]) % 256 "." int(v / 256) % 256 "." v % 256
}

function four(text,    v, it, its) {
    if (text in spelled) { return spelled[text] }
    v = number(text)
    if (v < 0 || v == 0 || text ~ /^(127|255)\./ || text ~ /^224\.0\.0\./) {
        its = text
    } else if (text ~ /^169\.254\./) {
        its = quad(next_link++)
    } else if (text ~ /^2(2[4-9]|3[0-9])\./) {
        its = quad(next_group++)
    } else if ((it = innermost(v)) != "" && v == int(v / power[32 - length_of[it]]) * power[32 - length_of[it]]) {
        its = quad(image[it])
    } else if (it != "" && free[it] < image[it] + power[32 - bits_of[it]]) {
        its = quad(free[it]++)
    } else {
        its = quad(next_loose++)
    }
    spelled[text] = its
    if (its != text) { note("address", "\t" text "\t" its) }
    return its
}

function innermost(v,    i, it) {
    for (i = 1; i <= lengths; i++) {
        it = int(v / power[32 - length_at[i]]) "/" length_at[i]
        if (it in image) { return it }
    }
    return ""
}

# --- IPv6; an address is 32 digits

function expanded(text,    low, head, tail, n, p, i, at, found, v) {
    low = tolower(text)
    if (match(low, /[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/)) {
        v = number(substr(low, RSTART))
        if (v < 0) { return "" }
        found = hex_of(quad(v))
        low = substr(low, 1, RSTART - 1) substr(found, 1, 4) ":" substr(found, 5)
    }
    if (low !~ /^[0-9a-f:]+$/ || low !~ /:.*:/ || low ~ /:::/ || low ~ /::.*::/) { return "" }
    at = index(low, "::")
    head = at ? substr(low, 1, at - 1) : low
    tail = at ? substr(low, at + 2) : ""
    head = groups(head); tail = groups(tail)
    if (head == "bad" || tail == "bad") { return "" }
    n = 32 - length(head) - length(tail)
    if ((at && n < 4) || (!at && n != 0)) { return "" }
    for (i = 0; i < n; i++) { head = head "0" }
    return head tail
}

function groups(text,    n, p, i, found) {
    if (text == "") { return "" }
    n = split(text, p, ":")
    found = ""
    for (i = 1; i <= n; i++) {
        if (length(p[i]) < 1 || length(p[i]) > 4) { return "bad" }
        found = found substr("0000", length(p[i]) + 1) p[i]
    }
    return found
}

# shown6 DIGITS AS: in the form of another spelling.
function shown6(hex, as,    i, g, best, size, at, n, found) {
    if (length(as) == 39) {
        found = substr(hex, 1, 4)
        for (i = 5; i < 32; i += 4) { found = found ":" substr(hex, i, 4) }
        return found
    }
    best = 0; size = 1
    for (i = 1; i <= 8; i++) {
        g[i] = substr(hex, i * 4 - 3, 4)
        sub(/^0+/, "", g[i])
        if (g[i] == "") { g[i] = "0" }
    }
    for (i = 1; i <= 8; i++) {
        for (n = 0; i + n <= 8 && g[i + n] == "0"; n++) { }
        if (n > size) { best = i; size = n }
        if (n > 1) { i += n - 1 }
    }
    found = ""
    for (i = 1; i <= 8; i++) {
        if (i == best) { found = found "::"; i += size - 1; continue }
        found = found (found == "" || found ~ /::$/ ? "" : ":") g[i]
    }
    return found
}

function six(text,    hex, its) {
    if (text in spelled) { return spelled[text] }
    hex = expanded(text)
    if (hex == "") { return "" }
    if (hex ~ /^00000000000000000000ffff/) {
        its = four(quad(hexnum(substr(hex, 25))))
        if (text ~ /\./) {
            match(text, /[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/)
            its = substr(text, 1, RSTART - 1) its
        } else {
            its = shown6(substr(hex, 1, 24) hex_of(its), text)
        }
    } else {
        its = known(hex) == hex ? text : shown6(known(hex), text)
    }
    if (text ~ /[A-F]/) { its = toupper(its) }
    spelled[text] = its
    return its
}

# known DIGITS: what stands for an address.
function known(hex,    its, it) {
    if (hex in known6) { return known6[hex] }
    if (hex ~ /^0000000000000000000000000000000[01]$/ || hex ~ /^ff0[0-9a-f]000000000000000000000000/) {
        its = hex
    } else if (hex ~ /^fe[89ab]/) {
        its = "fe80000000003fff" sprintf("%016x", ++next_link6)
    } else if (hex ~ /^ff/) {
        its = "ff1e000000003fff" sprintf("%016x", ++next_group6)
    } else if ((it = innermost6(hex)) == "") {
        its = "3fff0000000000000000000" sprintf("%09x", ++next_loose6)
    } else if (hex == first6(hex, length6[it])) {
        its = image6[it]
    } else {
        its = substr(image6[it], 1, 24) sprintf("%08x", ++free6[it])
    }
    known6[hex] = its
    if (its != hex) { note("address", "\t" shown6(hex, "") "\t" shown6(its, "")) }
    return its
}

# first6 DIGITS LENGTH: the first address of its network.
function first6(hex, size,    whole, rest, found) {
    whole = int(size / 4); rest = size % 4
    found = substr(hex, 1, whole)
    if (rest) {
        found = found sprintf("%x", int(digit[substr(hex, whole + 1, 1)] / power[4 - rest]) * power[4 - rest])
    }
    return found substr("00000000000000000000000000000000", length(found) + 1)
}

function find6(hex, size,    it) {
    it = first6(hex, size) "/" size
    return it in image6 ? it : ""
}

function innermost6(hex,    i, it) {
    for (i = 1; i <= lengths6; i++) {
        if ((it = find6(hex, length_at6[i])) != "") { return it }
    }
    return ""
}

# --- networks: each has a block of stand-ins, within that of the one that it is in

# Prints "4 FIRST LENGTH" and "6 FIRST LENGTH" of what a line names, all as long and so in order for sort(1).
function name_networks(line,    word, size, v, hex, bits) {
    gsub(/", "len": /, "/", line)
    while (match(line, /[0-9A-Fa-f:.]+\/[0-9][0-9.]*/)) {
        word = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        size = word; sub(/.*\//, "", size); sub(/\/.*/, "", word)
        if (word ~ /:/) {
            if (size ~ /^[0-9]+$/ && size + 0 > 0 && size + 0 < 128 && (hex = expanded(word)) != "" &&
                hex !~ /^00000000000000000000ffff/ && hex !~ /^(fe[89ab]|ff)/) {
                printf "6 %s %d\n", first6(hex, size), 1000 + size
            }
            continue
        }
        bits = size ~ /\./ ? mask_bits(size) : size
        v = number(word)
        if (v < 0 || bits !~ /^[0-9]+$/ || bits + 0 < 1 || bits + 0 > 31 || word ~ /^(127|169\.254|22[4-9]|23[0-9]|255)\./) { continue }
        bits += 0
        printf "4 %.0f %d\n", 10000000000 + int(v / power[32 - bits]) * power[32 - bits], 1000 + bits
    }
}

# Of the section mask/networks: networks, and words of comments, which are names wherever they stand.
function take_network(line,    p) {
    if (line ~ /^7 /) { add_name(substr(line, 3)); return }
    if (split(line, p, " ") != 3) { return }
    if (p[1] == "4") { nets++; first[nets] = p[2] - 10000000000; size[nets] = p[3] - 1000 }
    if (p[1] == "6") { nets6++; net6[nets6] = p[2]; size6[nets6] = p[3] - 1000 }
}

# They come in order, whoever holds another one before it.
function lay_out(    i, j, depth, above, cap, total, at, it, span) {
    for (i = 1; i <= nets; i++) {
        while (depth > 0 && first[i] >= first[above[depth]] + power[32 - size[above[depth]]]) { depth-- }
        parent[i] = depth > 0 ? above[depth] : 0
        above[++depth] = i
    }
    for (cap = 16; cap >= 2; cap -= 2) {
        for (i = 0; i <= nets; i++) { inside[i] = 0 }
        for (i = nets; i >= 1; i--) {
            span = 32 - size[i] < cap ? 32 - size[i] : cap
            if (span < 2) { span = 2 }
            while (power[span] < 4 * inside[i]) { span++ }
            width[i] = span
            inside[parent[i]] += power[span]
        }
        if (2 * inside[0] < 10 * power[24]) { break }
    }
    if (2 * inside[0] >= 10 * power[24]) { nets = 0; complain("too many networks: addresses do not tell who is in which") }
    begin[0] = 240 * power[24]; used[0] = begin[0]
    for (i = 1; i <= nets; i++) {
        j = parent[i]
        begin[i] = int((used[j] + power[width[i]] - 1) / power[width[i]]) * power[width[i]]
        used[j] = begin[i] + power[width[i]]
        used[i] = begin[i] + 1
    }
    for (i = 1; i <= nets; i++) {
        it = int(first[i] / power[32 - size[i]]) "/" size[i]
        image[it] = begin[i]; bits_of[it] = 32 - width[i]; length_of[it] = size[i]; free[it] = used[i]
        note("network", "\t" quad(first[i]) "/" size[i] "\t" quad(begin[i]) "/" bits_of[it])
        has_length[size[i]] = 1
    }
    for (i = 32; i >= 0; i--) { if (i in has_length) { length_at[++lengths] = i } }
    lay_out6()
}

# Of IPv6 there is room: a group of digits for each network in another, four deep.
function lay_out6(    i, depth, above, it, number_of, its, level, up) {
    depth = 0
    it = "fe800000000000000000000000000000/64"
    image6[it] = "fe80000000003fff0000000000000000"; bits6[it] = length6[it] = 64
    note("network", "\tfe80::/64\tfe80:0:0:3fff::/64")
    has_length6[64] = 1
    for (i = 1; i <= nets6; i++) {
        while (depth > 0 && first6(net6[i], size6[above[depth]]) != net6[above[depth]]) { depth-- }
        level = depth < 3 ? depth : 3
        up = level > 0 ? image6[net6[above[level]] "/" size6[above[level]]] : "3fff0000"
        its = substr(up, 1, 8 + 4 * level) sprintf("%04x", ++number_of[level, up])
        it = net6[i] "/" size6[i]
        image6[it] = its substr("00000000000000000000000000000000", length(its) + 1)
        bits6[it] = 4 * length(its); length6[it] = size6[i]; free6[it] = 0
        note("network", "\t" shown6(net6[i], "") "/" size6[i] "\t" shown6(image6[it], "") "/" bits6[it])
        has_length6[size6[i]] = 1
        above[++depth] = i
    }
    for (i = 128; i >= 0; i--) { if (i in has_length6) { length_at6[++lengths6] = i } }
}

# --- names

function add_name(name,    low, i) {
    sub(/^[^0-9A-Za-z]+/, "", name); sub(/[^0-9A-Za-z]+$/, "", name)
    low = tolower(name)
    if (name == "" || name ~ /^[0-9]+$/ || low in stand_in) { return }
    stand_in[low] = ""
    # The longest first: a shorter one may be a part of it.
    for (i = ++name_count; i > 1 && length(name_at[i - 1]) < length(low); i--) { name_at[i] = name_at[i - 1] }
    name_at[i] = low
    original[low] = name
    if (low ~ /^[0-9a-f]+$/ && length(low) > 12) { add_name(substr(low, 1, 12)) }
}

function choose_stem(    i) {
    for (i = 1; i <= name_count; i++) { while (index(name_at[i], stem) == 1) { stem = stem "x" } }
}

# named NAME HERE: here: what is called so is one by its place alone, as a process is, and not in any text.
function named(name, here,    low) {
    low = tolower(name)
    if (low ~ /^[0-9]*$/) { return name }
    if (!(low in stand_in)) {
        if (!here) { add_name(name) }
        if (!(low in stand_in)) { stand_in[low] = ""; original[low] = name }
    }
    if (stand_in[low] == "") {
        stand_in[low] = low ~ /^[0-9a-f]+$/ && length(low) >= 12 && length(low) <= 64 ? identity(low) : stem "-" (++given)
        if (stand_in[low] ~ /^masked/) { note("name", "\t" escaped(original[low]) "\t" stand_in[low]) }
    }
    return stand_in[low]
}

function identity(name,    head, its) {
    if (name !~ /^[0-9a-f]+$/ || length(name) < 12) { return named(name) }
    head = substr(name, 1, 12)
    if (!(head in identity_of)) {
        identity_of[head] = sprintf("5eed%08x", ++identities)
        if (!(head in stand_in)) { add_name(head) }
    }
    its = identity_of[head] substr("0000000000000000000000000000000000000000000000000000", 1, length(name) - 12)
    if (!(head in noted) || length(name) > noted[head]) {
        noted[head] = length(name)
        note("identity", "\t" name "\t" its)
    }
    return its
}

function escaped(name) {
    gsub(/\\/, "\\\\", name); gsub(/\t/, "\\t", name)
    return name
}

function names(line,    i, low, at, name, before, after, done, rest) {
    low = tolower(line)
    for (i = 1; i <= name_count; i++) {
        name = name_at[i]
        if (name in is_plain || length(name) < 2 || !index(low, name)) { continue }
        done = ""; rest = line
        while ((at = index(low, name))) {
            before = at > 1 ? substr(low, at - 1, 1) : substr(done, length(done), 1)
            after = substr(low, at + length(name), 1)
            if (before ~ /[0-9A-Za-z]/ || after ~ /[0-9A-Za-z]/) {
                done = done substr(rest, 1, at)
                rest = substr(rest, at + 1); low = substr(low, at + 1)
                continue
            }
            done = done substr(rest, 1, at - 1) named(name)
            rest = substr(rest, at + length(name)); low = substr(low, at + length(name))
        }
        line = done rest
        low = tolower(line)
    }
    return line
}

# comments LINE: the words of comments in a line of rules.
function comments(line,    done, at, size, word) {
    done = ""
    while (match(line, /comment "|--comment |\/\* /)) {
        at = RSTART + RLENGTH
        done = done substr(line, 1, at - 1)
        word = substr(line, RSTART, RLENGTH)
        line = substr(line, at)
        if (word ~ /"$/) { match(line, /^([^"\\]|\\.)*/) }
        else if (word ~ /\*/) { size = index(line, " */"); RLENGTH = size ? size - 1 : length(line) }
        else if (line ~ /^"/) { match(line, /^"([^"\\]|\\.)*/) }
        else { match(line, /^[^ ]*/) }
        size = RLENGTH
        done = done words_of(substr(line, 1, size))
        line = substr(line, size + 1)
    }
    return done line
}

function words_of(comment,    done, word, n, p, i) {
    done = ""
    while (match(comment, /[0-9A-Za-z_.@:-]+/)) {
        word = substr(comment, RSTART, RLENGTH)
        done = done substr(comment, 1, RSTART - 1)
        comment = substr(comment, RSTART + RLENGTH)
        if (word ~ /:.*:/ && all_six(word)) { done = done word; continue }
        n = split(word, p, ":")
        for (i = 1; i <= n; i++) { done = done (i > 1 ? ":" : "") spoken(p[i]) }
    }
    return done comment
}

# Whether a word is an address or a range, which those who look for addresses are to see as it is.
function all_six(word,    n, p, i) {
    if (word ~ /([^:]|::):$/) { word = substr(word, 1, length(word) - 1) }
    n = split(word, p, "-")
    for (i = 1; i <= n; i++) { if (!is_mac(p[i]) && expanded(p[i]) == "") { return 0 } }
    return 1
}

function spoken(word,    tail) {
    tail = ""
    if (match(word, /[_.@-]+$/)) { tail = substr(word, RSTART); word = substr(word, 1, RSTART - 1) }
    if (length(word) < 2 || word ~ /^[0-9.]+$/ || tolower(word) in is_plain) { return word tail }
    if (job == "networks") { print "7 " word; return word tail }
    return named(word) tail
}
