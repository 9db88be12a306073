# Completions of scratchdbg for bash.
_scratchdbg() {
    local line directive=0
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :+([0-9]) ]]; then
            directive=${line#:}
        else
            printf -v line '%q' "$line"
            COMPREPLY+=("$line")
        fi
    done < <(scratchdbg __complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if ((directive & 2)); then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _scratchdbg scratchdbg 2>/dev/null || complete -F _scratchdbg scratchdbg
# The end of the completions of scratchdbg.
