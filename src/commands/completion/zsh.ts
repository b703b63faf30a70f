/** The completion script for zsh. */
import { type CommandWords, type GroupWords, isGroup, leaves, type Offer } from './words.js'

export function zshScript(entries: readonly (CommandWords | GroupWords)[]): string {
  return `#compdef elbo
# Completion of elbo for zsh. Load it with: source <(elbo completion zsh)

# The names in the checkpoints folder.
_elbo_names() {
  local folder=\${opt_args[--checkpoints]:-checkpoints}
  local -aU names
  names=($folder/*/(config|settings).json(N:h:t))
  compadd -a names
}

${leaves(entries).map(commandFunction).join('\n\n')}

${entries.filter(isGroup).map(groupFunction).join('\n\n')}

${choiceFunction('_elbo', entries)}

compdef _elbo elbo
`
}

const functionName = (path: string): string => `_elbo_${path.replaceAll(/[ -]/g, '_')}`

function commandFunction({ path, flags, argument, isRepeatable }: CommandWords): string {
  const specs = flags.map(({ name, description, value }) => {
    const text = `[${description.replaceAll(/[[\\]\\\\]/g, '\\\\$&')}]`
    return quote(`${name}${text}${value ? `:${name.slice(2)}:${action(value)}` : ''}`)
  })
  const place = argument.kind === 'nothing' ? [] : [quote(`${isRepeatable ? '*' : '1'}:name:${action(argument)}`)]
  return `${functionName(path)}() {\n  _arguments ${[...specs, ...place].join(' \\\n    ')}\n}`
}

const groupFunction = ({ path, members }: GroupWords): string => choiceFunction(functionName(path), members)

/** Offers the names of commands, and leaves what follows a name to its command. */
function choiceFunction(name: string, entries: readonly { path: string; summary: string }[]): string {
  const last = (path: string) => path.split(' ').at(-1) as string
  const described = entries.map(({ path, summary }) => quote(`${last(path)}:${summary.replaceAll(':', '\\:')}`))
  return `${name}() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands
  commands=(
    ${described.join('\n    ')}
  )
  _arguments -C '--help[show this help]' '1: :->command' '*::: :->rest'
  case $state in
    command) _describe -t commands command commands ;;
    rest)
      words=($line[1] "\${words[@]}")
      ((CURRENT++))
      case $line[1] in
${entries.map(({ path }) => `        ${last(path)}) ${functionName(path)} ;;`).join('\n')}
      esac
      ;;
  esac
}`
}

function action(offer: Offer): string {
  if (offer.kind === 'words') return `(${offer.words.map(word => word.replaceAll(':', '\\:')).join(' ')})`
  return { runs: '_elbo_names', paths: '_files', nothing: ' ' }[offer.kind]
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
