/**
 * What makes each shell ask `fedunify __complete -- words…`, which prints a candidate on each line: the whole word, a
 * tab, its description. The scripts know nothing of commands and options, so that they never grow old. `npx fedunify`
 * is completed by the program that npx would run, the nearest in a node_modules; npx itself would take half a second.
 */
export const SCRIPTS = {
  bash: `# fedunify completion for bash: source it, or put this into ~/.bashrc:
#   source <(fedunify completion bash)
_fedunify() {
  local -a words=()
  local n=0 i word value kind full prefix=
  # bash takes "--env=H" for three words: join them again.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((n > 0)) && [[ $word == = || \${COMP_WORDS[i - 1]} == = ]]; then
      words[n - 1]+=$word
    else
      words[n]=$word
      n=$((n + 1))
    fi
  done
  # A quote that is still open belongs to the shell.
  words[n - 1]=\${words[n - 1]#[\\"\\']}
  full=\${words[n - 1]}
  # Of what is joined, bash wants the part after the last "=" alone.
  if [[ $COMP_WORDBREAKS == *=* && $full == *=* ]]; then prefix=\${full%"\${full##*=}"}; fi
  COMPREPLY=()
  while IFS=$'\\t' read -r value kind; do
    case $kind in file | folder) compopt -o filenames 2>/dev/null ;; esac
    case $value in *= | */) compopt -o nospace 2>/dev/null ;; esac
    COMPREPLY+=("\${value#"$prefix"}")
  done < <("$1" __complete -- "\${words[@]//\\\\/}" 2>/dev/null)
}
complete -F _fedunify fedunify

_fedunify_npx() {
  [[ $COMP_CWORD -ge 2 && \${COMP_WORDS[1]} == fedunify ]] || return
  local dir=$PWD
  while [[ -n $dir && ! -x $dir/node_modules/.bin/fedunify ]]; do dir=\${dir%/*}; done
  COMP_WORDS=("\${COMP_WORDS[@]:1}")
  COMP_CWORD=$((COMP_CWORD - 1))
  _fedunify "$dir/node_modules/.bin/fedunify"
}
complete -p npx &>/dev/null || complete -o default -F _fedunify_npx npx
`,
  zsh: `#compdef fedunify
# fedunify completion for zsh: save it as _fedunify in a folder of $fpath, or put this into ~/.zshrc after compinit:
#   source <(fedunify completion zsh)
_fedunify() {
  local -a asked described plain open files
  local value text dir=$PWD
  if [[ $service == npx ]]; then
    if (( CURRENT < 3 )) || [[ $words[2] != fedunify ]]; then _default; return; fi
    while [[ -n $dir && ! -x $dir/node_modules/.bin/fedunify ]]; do dir=\${dir%/*}; done
    words=("$dir/node_modules/.bin/fedunify" "\${(@)words[3,-1]}")
    (( CURRENT -= 1 ))
  fi
  asked=("\${(@Q)words[2,CURRENT]}")
  # A quote that is still open belongs to the shell.
  asked[-1]=\${asked[-1]#[\\"\\']}
  while IFS=$'\\t' read -r value text; do
    case $text in
      file | folder) files+=("$value") ;;
      '') plain+=("$value") ;;
      *) if [[ $value == *= ]]; then open+=("$value"); else described+=("\${value//:/\\\\:}:$text"); fi ;;
    esac
  done < <("\${(Q)words[1]}" __complete -- "\${(@)asked}" 2>/dev/null)
  (( $#files )) && compadd -f -S '' -- \${(M)files:#*/}
  (( $#files )) && compadd -f -- \${files:#*/}
  (( $#plain )) && compadd -- $plain
  (( $#open )) && compadd -S '' -- $open
  (( $#described )) && _describe fedunify described
  return 0
}
if [[ $funcstack[1] == _fedunify ]]; then _fedunify "$@"; else
  compdef _fedunify fedunify
  (( $+_comps[npx] )) || compdef _fedunify npx
fi
`,
  fish: `# fedunify completion for fish: save it as ~/.config/fish/conf.d/fedunify.fish, or put this into config.fish:
#   fedunify completion fish | source
function __fedunify_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    if test $program = npx
        set -e words[1]
        set -l dir $PWD
        while test -n "$dir" -a ! -x $dir/node_modules/.bin/fedunify
            set dir (string replace -r '/[^/]*$' '' -- $dir)
        end
        set program $dir/node_modules/.bin/fedunify
    end
    set -l current (string unescape -- (commandline -ct))
    $program __complete -- $words "$current" 2>/dev/null
end
complete -c fedunify -f -k -a '(__fedunify_complete)'
complete -c npx -n 'test (count (commandline -opc)) -ge 2 -a (commandline -opc)[2] = fedunify' -f -k -a '(__fedunify_complete)'
`,
} satisfies Record<string, string>

export type Shell = keyof typeof SCRIPTS

export const SHELLS = Object.keys(SCRIPTS) as Shell[]
