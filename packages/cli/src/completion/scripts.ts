/** What shells load. Each asks `orch completion words` for what may stand at the cursor; what it says is never evaluated. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export const scripts: Readonly<Record<Shell, string>> = {
  // No bash-completion needed, and no more than bash 3.2 of macOS. Colons and `=` break words in bash: what is before the last one is taken off again.
  bash: `_orch() {
  local line="\${COMP_LINE:0:$COMP_POINT}" word cut
  local -a typed
  # Without -r: what was escaped on the line is told as it is.
  read -a typed <<< "$line"
  case "$line" in *[[:space:]]) typed+=("") ;; esac
  local cur="\${typed[\${#typed[@]}-1]}"
  COMPREPLY=()
  case "$COMP_WORDBREAKS" in
    *:*=* | *=*:*) cut="\${cur%"\${cur##*[:=]}"}" ;;
    *:*) cut="\${cur%"\${cur##*:}"}" ;;
    *=*) cut="\${cur%"\${cur##*=}"}" ;;
  esac
  while IFS= read -r word; do
    COMPREPLY+=("$(printf %q "\${word#"$cut"}")")
  done < <(command "\${typed[0]}" completion words -- "\${typed[@]}" 2>/dev/null)
  # A folder is gone on in. bash 3.2 has no compopt, and puts a space there.
  case "\${#COMPREPLY[@]} \${COMPREPLY[0]-}" in "1 "*/) compopt -o nospace 2>/dev/null ;; esac
  return 0
}
complete -o default -F _orch orch
`,
  zsh: `#compdef orch
_orch() {
  local -a found
  found=("\${(@f)$(command "\${words[1]}" completion words -- "\${(@Q)words[1,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  if [[ -z "\${found[1]}" ]]; then _files; return; fi
  compadd -- "\${(@)found:#*/}"
  compadd -S '' -- "\${(@M)found:#*/}"
}
compdef _orch orch
`,
  // Where orch has nothing to say the condition does not hold, and fish completes files.
  fish: `function __orch_find
  set -l current (commandline -ct)
  # What was escaped on the line is told as it is; a quote that is still open stays.
  set -l plain (string unescape -- $current); or set plain $current
  set -l typed (commandline -opc) $plain
  set -g __orch_words (command $typed[1] completion words -- $typed 2>/dev/null)
  test (count $__orch_words) -gt 0
end
complete -c orch -n __orch_find -f -a '$__orch_words'
`,
};

export const howTo: Readonly<Record<Shell, string>> = {
  bash: `eval "$(orch completion bash)"     # in ~/.bashrc`,
  zsh: `eval "$(orch completion zsh)"      # in ~/.zshrc, after compinit`,
  fish: "orch completion fish | source     # in ~/.config/fish/config.fish",
};
