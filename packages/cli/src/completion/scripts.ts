/** What shells load. Each asks `orch completion words` for what may stand at the cursor; what it says is never evaluated. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export const scripts: Readonly<Record<Shell, string>> = {
  // No bash-completion needed, and no more than bash 3.2 of macOS. Colons break words in bash: what is before the last one is taken off again.
  bash: `_orch() {
  local line="\${COMP_LINE:0:$COMP_POINT}" word cut
  local -a typed
  read -ra typed <<< "$line"
  case "$line" in *[[:space:]]) typed+=("") ;; esac
  local cur="\${typed[\${#typed[@]}-1]}"
  COMPREPLY=()
  case "$COMP_WORDBREAKS" in *:*) cut="\${cur%"\${cur##*:}"}" ;; esac
  while IFS= read -r word; do
    COMPREPLY+=("$(printf %q "\${word#"$cut"}")")
  done < <(command "\${typed[0]}" completion words -- "\${typed[@]}" 2>/dev/null)
}
complete -o default -F _orch orch
`,
  zsh: `#compdef orch
_orch() {
  local -a found
  found=("\${(@f)$(command "\${words[1]}" completion words -- "\${(@)words[1,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -- "\${found[@]}"; else _files; fi
}
compdef _orch orch
`,
  fish: `function __orch_words
  set -l typed (commandline -opc) (commandline -ct)
  command $typed[1] completion words -- $typed 2>/dev/null
end
complete -c orch -a '(__orch_words)'
`,
};

export const howTo: Readonly<Record<Shell, string>> = {
  bash: `eval "$(orch completion bash)"     # in ~/.bashrc`,
  zsh: `eval "$(orch completion zsh)"      # in ~/.zshrc, after compinit`,
  fish: "orch completion fish | source     # in ~/.config/fish/config.fish",
};
