# Completion in bash for quantring and quantring-weights. The program itself says what may follow, so that
# this is always right for its version; where it says nothing, file names follow.
_quantring() {
  mapfile -t COMPREPLY < <("${COMP_WORDS[0]/#\~/$HOME}" --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _quantring quantring quantring-weights
