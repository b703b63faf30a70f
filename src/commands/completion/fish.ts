/** The completion script for fish. */
import { type CommandWords, type GroupWords, isGroup, type Offer } from './words.js'

export function fishScript(entries: readonly (CommandWords | GroupWords)[]): string {
  return `# Completion of elbo for fish. Load it with: elbo completion fish | source

# Whether the command line begins with these words after elbo.
function __elbo_at
    set -l given (commandline -opc)
    set -e given[1]
    set -l length (count $argv)
    test (count $given) -ge $length; and test "$given[1..$length]" = "$argv"
end

# Whether nothing but these words follows elbo.
function __elbo_after
    set -l given (commandline -opc)
    set -e given[1]
    test "$given" = "$argv"
end

# The names in the checkpoints folder.
function __elbo_names
    set -l given (commandline -opc)
    set -l folder checkpoints
    if set -l at (contains -i -- --checkpoints $given)
        set folder $given[(math $at + 1)]
    end
    for file in $folder/*/config.json $folder/*/settings.json
        basename (dirname $file)
    end | sort -u
end

complete -c elbo -f
complete -c elbo -l help -d 'show this help'
${entries.flatMap(entry => [nameLine('', entry), ...(isGroup(entry) ? groupLines(entry) : commandLines(entry))]).join('\n')}
`
}

const groupLines = ({ path, members }: GroupWords): string[] =>
  members.flatMap(one => [nameLine(path, one), ...commandLines(one)])

const nameLine = (before: string, { path, summary }: { path: string; summary: string }): string =>
  `complete -c elbo -n ${quote(`__elbo_after ${before}`.trimEnd())} -a ${path.split(' ').at(-1)} -d ${quote(summary)}`

function commandLines({ path, flags, argument }: CommandWords): string[] {
  const at = `complete -c elbo -n '__elbo_at ${path}'`
  const lines = flags
    .filter(({ name }) => name !== '--help')
    .map(({ name, description, value }) =>
      `${at} -l ${name.slice(2)} ${value ? afterFlag(value) : ''} -d ${quote(description)}`.replace('  ', ' '),
    )
  if (argument.kind === 'nothing') return lines
  return [...lines, `${at} ${argument.kind === 'paths' ? '-F' : `-a ${words(argument)}`}`]
}

const afterFlag = (offer: Offer): string =>
  ({ paths: '-r -F', nothing: '-x', runs: `-x -a ${words(offer)}`, words: `-x -a ${words(offer)}` })[offer.kind]

const words = (offer: Offer): string => quote(offer.kind === 'words' ? offer.words.join(' ') : '(__elbo_names)')

const quote = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`
