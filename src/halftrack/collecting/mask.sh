
# What follows puts stand-ins in the place of addresses, of names of hosts and containers and of comments
# before anything is sent. What stands for what is written to a map here, for its owner's eyes only.

MAP=${HALFTRACK_MAP:-${HOME:-/root}/halftrack-$$-$(date -u +%Y%m%d-%H%M%S 2>/dev/null).map}

# Names that may stand anywhere: of this host, of containers as their runtimes keep them.
names_to_mask() { section mask/names here_named; }

here_named() {
    host=$(first_line "$PROC/sys/kernel/hostname")
    printf '%s\n' "$host" "${host%%.*}" "${host#*.}"
    cat "$ROOT/etc/hostname"
    for directory in /run/netns /var/run/netns /var/lib/lxc /var/lib/machines /var/lib/lxd/containers \
        /var/lib/incus/containers /var/lib/docker/containers; do
        ls "$ROOT$directory"
    done | sed -e p -e 's/ /\\040/g' # as it stands in lists of mounts
    # NAMESPACE_POD_UID, and POD_NAMESPACE_CONTAINER-ID.log
    ls "$ROOT/var/log/pods" | awk '{ n = split($0, p, "_"); for (i = 1; i < n; i++) print p[i] }'
    ls "$ROOT/var/log/containers" |
        awk '{ n = split($0, p, "_"); sub(/-[0-9a-f]+\.log$/, "", p[n]); for (i = 1; i <= n; i++) print p[i] }'
    sed -n 's/^\(NAME\|HOSTNAME\|UUID\|SEARCHDOMAIN\)="\{0,1\}\([^"]*\)"\{0,1\}$/\2/p' "$ROOT"/etc/vz/conf/*.conf
    sed -n 's/.*"Name":"\/\([^"]*\)".*/\1/p' "$ROOT"/var/lib/docker/containers/*/config.v2.json
    for file in containers.json volatile-containers.json; do
        awk -v RS='[,{[]' '
            match($0, /"id":"[^"]*"/) { print substr($0, RSTART + 6, RLENGTH - 7) }
            match($0, /^"[^":]*"\]?$/) { gsub(/[]"]/, ""); print }
        ' "$ROOT/var/lib/containers/storage/overlay-containers/$file"
    done
}

# Networks whose members have to stay together: those of the interfaces, and those that rules name.
networks_to_mask() { section mask/networks networks_of; }

# Names have to be known before anything in which they may stand.
runtimes_first() { runtimes 5; }
runtimes_last() { :; }

networks_of() {
    for each in $chosen $small; do
        visit "${each%%=*}" "${each#*=}" || continue
        if can ip; then
            inside ip -o addr show
            most_routes inside sh -c "$OF_ROUTES"
        fi
        case "$small " in *" $each "*) continue ;; esac
        known nf_tables && can nft && inside nft list ruleset
        for family in ip ip6; do
            known nf_tables && can "${family}tables-nft-save" && inside "${family}tables-nft-save"
            there_is "${family}_tables_names" || continue
            for tool in "${family}tables-legacy-save" "${family}tables-save"; do
                can "$tool" && inside "$tool" && break
            done
        done
    done | awk -v job=networks "$MASK" | sort -u
}

# Their networks would have to be laid out in hexadecimal: they are not sent.
plain_routes() { :; }

# number_of_map: by it unmask knows that a map and a collection belong together.
number_of_map() { first_line /proc/sys/kernel/random/uuid | sed 's/-//g'; }

packed() {
    (umask 077 && set -C && : >"$MAP") 2>/dev/null || {
        say "halftrack-collect: the map cannot be written to $MAP (HALFTRACK_MAP=FILE names another place)"
        return 1
    }
    {
        awk -v map="$MAP" -v by="$(number_of_map)" -v plain="$PLAIN" "$MASK" | awk "$CHECK"
    } | if has gzip; then gzip -1; else cat; fi 2>/dev/null
    written=$?
    case $(sed -n '$p' "$MAP") in
        "end "*) say "halftrack-collect: the map stays here: $MAP" ;;
        *)
            say "halftrack-collect: the map is not whole: $MAP"
            [ "$written" -ne 0 ] || written=1
            ;;
    esac
    return "$written"
}

awk 'BEGIN { exit !(substr("ab", 2) == "b" && match("xay", /a/) == 2 && sprintf("%02x", 10) == "0a") }' </dev/null >/dev/null 2>&1 ||
    refuse 69 'there is no awk here, and nothing is sent unmasked: collect without --mask, mask it elsewhere'
