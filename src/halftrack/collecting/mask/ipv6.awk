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
