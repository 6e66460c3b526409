// What a shell runs on Tab. Each script only hands the words to `ha-manager __complete`, which walks the same command
// tree as the tool itself, so a script never goes out of date.

const bash = `# ha-manager completion for bash
_ha_manager() {
  local line=\${COMP_LINE:0:COMP_POINT} words current
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=\${words[\${#words[@]}-1]}
  local IFS=$'\\n'
  COMPREPLY=($("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null))
  # A colon usually ends a word for bash: offer only what comes after it.
  if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"\${current%"\${current##*:}"}"}")
  fi
}
complete -F _ha_manager ha-manager
`

const zsh = `#compdef ha-manager
# ha-manager completion for zsh
_ha_manager() {
  local -a found
  found=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- $found
}
compdef _ha_manager ha-manager
`

const fish = `# ha-manager completion for fish
function __ha_manager_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c ha-manager -f -a '(__ha_manager_complete)'
`

export const completionScripts = { bash, zsh, fish }
