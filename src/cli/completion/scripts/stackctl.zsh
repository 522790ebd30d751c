#compdef stackctl
# Completion of stackctl for zsh. `stackctl completions zsh` prints it.

_stackctl() {
    local line
    local -a answer complete continued
    answer=("${(@f)$(command stackctl completions zsh --word="${(Q)PREFIX}" \
        -- "${(@Q)words[1,CURRENT-1]}" 2>/dev/null)}")
    case $answer[1] in
        files) _files ;;
        folders) _files -/ ;;
        words)
            for line in "${(@)answer[2,-1]}"; do
                case $line in
                    '+'*) continued+=("${line[2,-1]}") ;;
                    '='*) complete+=("${line[2,-1]}") ;;
                esac
            done
            _describe -V value complete -- continued -S ''
            ;;
        *) return 1 ;;
    esac
}

if [[ $funcstack[1] == _stackctl ]]; then
    _stackctl "$@"
else
    compdef _stackctl stackctl
fi
