/** What `--help` shows of the commands, as plain data. The build writes it to a file, so that help need not load the commands. */
import type { AnyCommand, Command } from './command.js'
import { type Flag, flagsOf } from './flags.js'

type Shown = 'name' | 'summary' | 'argument' | 'argumentDescription' | 'isOptional' | 'isRepeatable' | 'examples'

export type Declared = { [key in Shown]: Command[key] | undefined } & Pick<Command, 'name' | 'summary' | 'examples'> & {
    flags: readonly Flag[]
  }

/** Several commands with a common name. */
export interface DeclaredGroup {
  name: string
  summary: string
  argument: string
  commands: readonly Declared[]
}

export function declared(command: Command): Declared {
  const { name, summary, argument, argumentDescription, isOptional, isRepeatable, examples } = command
  return { name, summary, argument, argumentDescription, isOptional, isRepeatable, examples, flags: flagsOf(command) }
}

export const allDeclared = (commands: readonly AnyCommand[]): (Declared | DeclaredGroup)[] =>
  commands.map(one =>
    'commands' in one
      ? {
          name: one.name,
          summary: one.summary,
          argument: one.argument,
          commands: one.commands.map(declared),
        }
      : declared(one),
  )
