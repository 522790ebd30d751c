# Completion of stackctl for bash. `stackctl completions bash` prints it.

_stackctl() {
    local kind='' candidate
    COMPREPLY=()
    {
        IFS= read -r kind
        while IFS= read -r candidate; do
            COMPREPLY[${#COMPREPLY[@]}]=$candidate
        done
    } < <(
        command stackctl completions bash --line="${COMP_LINE:0:COMP_POINT}" \
            --breaks="$COMP_WORDBREAKS" 2>/dev/null
    )
    # bash 3.2 has no compopt, and offers files if there is nothing else.
    case $kind in
        files) compopt -o filenames +o nospace 2>/dev/null ;;
        folders)
            compopt -o filenames -o dirnames +o default +o nospace 2>/dev/null
            ;;
        *) compopt +o default 2>/dev/null ;;
    esac
}

complete -o default -o nospace -o nosort -F _stackctl stackctl 2>/dev/null ||
    complete -o default -o nospace -F _stackctl stackctl
