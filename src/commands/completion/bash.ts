/** The completion script for bash 3.2 and later. */
import { type CommandWords, type GroupWords, isGroup, leaves, type Offer } from './words.js'

export function bashScript(entries: readonly (CommandWords | GroupWords)[]): string {
  const commands = leaves(entries)
  const groups = entries.filter(isGroup)
  return `# Completion of elbo for bash. Load it with: source <(elbo completion bash)

# The names in the checkpoints folder.
_elbo_names() {
  local folder=checkpoints i file
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ \${COMP_WORDS[i]} == --checkpoints ]] && folder=\${COMP_WORDS[i + 1]}
  done
  for file in "$folder"/*/config.json "$folder"/*/settings.json; do
    [[ -e $file ]] || continue
    file=\${file%/*}
    echo "\${file##*/}"
  done
}

# What may follow a flag: '@runs', '@paths' or words.
_elbo_values() {
  case "$1 $2" in
${commands.flatMap(valueCases).join('\n')}
  esac
}

_elbo_flags() {
  case "$1" in
${commands.map(({ path, flags }) => entry(path, flags.map(({ name }) => name).join(' '))).join('\n')}
    *) echo '--help --version' ;;
  esac
}

_elbo_arguments() {
  case "$1" in
    '') echo '${entries.map(({ path }) => path).join(' ')}' ;;
${groups.map(({ path, members }) => entry(path, members.map(one => one.path.slice(path.length + 1)).join(' '))).join('\n')}
${commands.flatMap(({ path, argument }) => argumentCase(path, argument)).join('\n')}
  esac
}

_elbo() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command='' offer IFS=$' \\t\\n'
  # bash makes three words of --flag=value.
  if [[ $current == '=' ]]; then current=''
  elif [[ $previous == '=' ]]; then previous=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  ((COMP_CWORD > 1)) && command=\${COMP_WORDS[1]}
  case "$command" in
    ${groups.map(({ path }) => path).join(' | ')}) ((COMP_CWORD > 2)) && command="$command \${COMP_WORDS[2]}" ;;
  esac
  if [[ $previous == --* ]] && offer=$(_elbo_values "$command" "$previous") && [[ -n $offer ]]; then :
  elif [[ $current == -* ]]; then offer=$(_elbo_flags "$command")
  else offer=$(_elbo_arguments "$command"); [[ -n $offer ]] || offer=$(_elbo_flags "$command"); fi
  case "$offer" in
    @nothing) COMPREPLY=() ;;
    @paths)
      compopt -o filenames 2>/dev/null
      IFS=$'\\n'
      COMPREPLY=($(compgen -f -- "$current"))
      ;;
    @runs) COMPREPLY=($(compgen -W "$(_elbo_names)" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$offer" -- "$current")) ;;
  esac
}

complete -F _elbo elbo
`
}

const entry = (pattern: string, words: string): string => `    '${pattern}') echo '${words}' ;;`

const valueCases = ({ path, flags }: CommandWords): string[] =>
  flags.flatMap(({ name, value }) => (value ? [entry(`${path} ${name}`, textOf(value))] : []))

const argumentCase = (path: string, argument: Offer): string[] =>
  argument.kind === 'nothing' ? [] : [entry(path, textOf(argument))]

const textOf = (offer: Offer): string => (offer.kind === 'words' ? offer.words.join(' ') : `@${offer.kind}`)
