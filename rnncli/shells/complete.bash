%(complete_func)s() {
    local kind value kept extensions extension path
    COMPREPLY=()
    while IFS=$'\x1f' read -r kind value kept extensions; do
        case $kind in
            space) COMPREPLY+=("$value") ;;
            open)
                COMPREPLY+=("$value")
                compopt -o nospace
                ;;
            files)
                compopt -o filenames
                while IFS= read -r path; do
                    COMPREPLY+=("${path#"$kept"}")
                done < <(
                    IFS=' '
                    compgen -d -- "$value"
                    for extension in $extensions; do
                        compgen -f -X "!*.$extension" -- "$value"
                    done
                )
                ;;
        esac
    done < <(
        COMP_LINE=${COMP_LINE:0:COMP_POINT} COMP_WORD=$2 %(complete_var)s=bash_complete "$1" 2>/dev/null
    )
}

complete -o nosort -F %(complete_func)s %(prog_name)s
