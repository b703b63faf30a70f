/** A command is data plus `run`: the table in cli.ts makes flags, help and error messages of it. */
import type { Settings, Values } from '../settings/setting.js'

export type Options = Settings

/** What a command may use of the world. */
export interface Context {
  /** One line of result: standard output, or standard error under `--json`. */
  print(line: string): void
  /** One line about the work: always standard error. */
  note(line: string): void
  /** Set when the user interrupts; a command then saves what it has and returns. */
  signal: AbortSignal
  json: boolean
  debug: boolean
  /** The folder of run directories. */
  checkpoints: string
}

/** The JSON document of a command, and how it ended. */
export interface Result {
  json: unknown
  interrupted?: boolean
  /** The command did its work, and what it found is bad: exit code 1 without an error. */
  failed?: boolean
}

export interface Command<O extends Options = Options> {
  name: string
  summary: string
  /** The one argument, if the command takes one. */
  argument?: string
  /** The argument may be given several times. */
  isRepeatable?: true
  /** What it is, unless it names a run. */
  argumentDescription?: string
  options: O
  /** Options without a value. */
  switches?: Record<string, string>
  /** Watches `signal` and ends by itself; other commands are ended by the first interruption. */
  finishesOnInterrupt?: true
  /** Command lines for `--help`. */
  examples: readonly string[]
  run(input: Input<O>, context: Context): Promise<Result>
}

/** Commands below a common name: `elbo NAME COMMAND`. */
export interface CommandGroup {
  name: string
  summary: string
  /** What the name of a command of the group is, for help: `model`. */
  argument: string
  commands: readonly Command[]
}

export interface Input<O extends Options> {
  /** The first of `arguments`; empty if the command takes none. */
  argument: string
  arguments: readonly string[]
  /** Every option, with its default where none was given. */
  values: Values<O>
  /** Only the options that were given. */
  given: Partial<Values<O>>
  switches: Record<string, boolean>
}

/** Keeps a command's option types. */
export function command<const O extends Options>(definition: Command<O>): Command<O> {
  return definition
}
