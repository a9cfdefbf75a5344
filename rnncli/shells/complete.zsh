#compdef %(prog_name)s

%(complete_func)s() {
    local kind value word rest lead glob
    local -a spaced spaced_shown open open_shown
    (( $+commands[%(prog_name)s] )) || return 1

    while IFS=$'\x1f' read -r kind value word rest; do
        case $kind in
            (space)
                spaced+=("${value//:/\\:}")
                spaced_shown+=("${word//:/\\:}${rest:+:$rest}")
                ;;
            (open)
                open+=("${value//:/\\:}")
                open_shown+=("${word//:/\\:}${rest:+:$rest}")
                ;;
            (files)
                lead=$word
                glob="*.(${rest// /|})(-.)"
                ;;
        esac
    done < <(
        COMP_LINE="${(j: :)words[1,CURRENT-1]} $QIPREFIX$PREFIX" %(complete_var)s=zsh_complete %(prog_name)s 2>/dev/null
    )
    (( $#spaced )) && _describe -V candidates spaced_shown spaced
    (( $#open )) && _describe -V candidates open_shown open -S ''
    if [[ -n $glob ]]; then
        [[ -n $lead ]] && compset -P "${(b)lead}"
        _files -g "$glob"
    fi
}

compdef %(complete_func)s %(prog_name)s
# As a file in fpath, zsh has loaded it for a line that waits to be completed.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
fi
