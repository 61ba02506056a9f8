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
