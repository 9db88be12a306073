# Completions of scratchdbg for fish.
function __scratchdbg_complete
    set -l before (commandline -opc)
    scratchdbg __complete fish $before[2..-1] (commandline -ct) 2>/dev/null
end
complete -c scratchdbg -f -a '(__scratchdbg_complete)'
# The end of the completions of scratchdbg.
