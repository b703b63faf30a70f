/** What completion can offer after each command: derived from the data of the commands. */
import type { Command, CommandGroup } from '../command.js'
import { describeFlag, type Flag, flagsOf } from '../flags.js'

/** What a shell offers in one place. */
export type Offer = { kind: 'runs' | 'paths' | 'nothing' } | { kind: 'words'; words: readonly string[] }

export interface CommandWords {
  /** Its names, such as `em ppca`. */
  path: string
  summary: string
  flags: readonly { name: string; description: string; value?: Offer }[]
  argument: Offer
  isRepeatable: boolean
}

export interface GroupWords {
  path: string
  summary: string
  members: readonly CommandWords[]
}

export const isGroup = (entry: CommandWords | GroupWords): entry is GroupWords => 'members' in entry

export const wordsOf = (commands: readonly (Command | CommandGroup)[]): (CommandWords | GroupWords)[] =>
  commands.map(entry =>
    'commands' in entry
      ? { path: entry.name, summary: entry.summary, members: entry.commands.map(one => commandWords(one, entry.name)) }
      : commandWords(entry),
  )

/** All commands, those of groups in the place of the groups. */
export const leaves = (entries: readonly (CommandWords | GroupWords)[]): CommandWords[] =>
  entries.flatMap(entry => (isGroup(entry) ? entry.members : [entry]))

function commandWords(command: Command, group?: string): CommandWords {
  const { name, summary, argument, argumentChoices, isRepeatable = false } = command
  return {
    path: group === undefined ? name : `${group} ${name}`,
    summary,
    flags: [...flagsOf(command).map(flagWords), { name: '--help', description: 'show this help' }],
    argument: argumentChoices ? { kind: 'words', words: argumentChoices } : { kind: argument ? 'runs' : 'nothing' },
    isRepeatable,
  }
}

const flagWords = (flag: Flag) => ({
  name: flag.name,
  description: flag.choices.length > 0 ? flag.description : describeFlag(flag),
  ...(flag.placeholder && { value: offerOf(flag) }),
})

function offerOf({ choices, placeholder }: Flag): Offer {
  if (choices.length > 0) return { kind: 'words', words: choices }
  return { kind: placeholder === 'run' ? 'runs' : placeholder === 'path' ? 'paths' : 'nothing' }
}
