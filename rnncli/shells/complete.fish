function %(complete_func)s
    set -lx COMP_LINE (commandline -cp)
    set -lx %(complete_var)s fish_complete
    for line in (%(prog_name)s 2>/dev/null)
        set -l part (string split \x1f -- $line)
        switch $part[1]
            case space open
                echo $part[2]\t$part[4]
            case files
                set -l extensions (string split ' ' -- $part[4] | string escape --style=regex | string join '|')
                set -l wanted '^[^\t]*(?:/|\.(?:'$extensions'))(?=\t|$)'
                set -l path (string replace -- "$part[3]" '' (commandline -ct))
                set -l files (complete -C "'' $path" | string match -r $wanted)
                string replace -r '^' -- "$part[3]" $files
        end
    end
end

complete --command %(prog_name)s --no-files --keep-order --arguments '(%(complete_func)s)'
