# Completion of stackctl for elvish. `stackctl completions elvish` prints it.

use str

set edit:completion:arg-completer[stackctl] = {|@words|
    var answer = []
    try {
        set answer = [(e:stackctl completions elvish --word=$words[-1] -- (all $words[..-1]) 2>/dev/null)]
    } catch error {
        nop
    }
    if (== (count $answer) 0) {
        nop
    } elif (eq $answer[0] words) {
        for line $answer[1..] {
            var word space description = (str:split "\t" $line)
            if (eq $description '') {
                edit:complex-candidate $word &code-suffix=$space
            } else {
                edit:complex-candidate $word &code-suffix=$space &display=$word' ('$description')'
            }
        }
    } else {
        edit:complete-filename $@words
    }
}
