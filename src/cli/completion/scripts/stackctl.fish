# Completion of stackctl for fish. `stackctl completions fish` prints it.

function __stackctl_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l word (commandline --current-token --cut-at-cursor)
    set -l answer (command stackctl completions fish --word="$word" -- $words 2>/dev/null)
    set -l option (string match --regex -- '^-[^=]*=' "$word")
    set -l path (string replace --regex -- '^-[^=]*=' '' "$word")
    switch "$answer[1]"
        case files
            for found in (__fish_complete_path "$path")
                echo "$option$found"
            end
        case folders
            for found in (__fish_complete_directories "$path")
                echo "$option$found"
            end
        case words
            for found in $answer[2..-1]
                echo $found
            end
    end
end

complete --command stackctl --no-files --keep-order --arguments '(__stackctl_complete)'
