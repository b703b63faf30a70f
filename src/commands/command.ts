/** A command is data plus `run`; program.ts derives its flags, help and error messages from the data. */
import type { Group } from '../settings/flag-names.js'
import type { GroupedSettings, Values } from '../settings/setting.js'

export type Options = GroupedSettings

/** An option without a value. */
export interface Switch {
  description: string
  group: Group
}

/** The environment of a command. */
export interface Context {
  /** Prints a line of the result to standard output, or to standard error under `--json`. */
  print(line: string): void
  /** Prints a line about the work, always to standard error. */
  note(line: string): void
  /** Aborted when the user interrupts; the command then saves its results and returns. */
  signal: AbortSignal
  json: boolean
  debug: boolean
  /** The folder with the run directories. */
  checkpoints: string
  /** Columns of the terminal that `print` writes to; Infinity for a file or a pipe. */
  columns: number
}

/** The JSON document of a command, and how it ended. */
export interface Result {
  json: unknown
  /** Another process has printed the document. */
  isPrinted?: boolean
  interrupted?: boolean
  /** The command did its work, and what it found is bad: exit code 1 without an error. */
  failed?: boolean
}

export interface Command<O extends Options = Options> {
  name: string
  summary: string
  /** The name of its argument, if it takes one. */
  argument?: string
  /** The argument may be given several times. */
  isRepeatable?: true
  /** The argument may be left out. */
  isOptional?: true
  /** All its valid values, for shell completion, unless it is the name of a run. */
  argumentChoices?: readonly string[]
  /** Description of the argument, unless it is the name of a run. */
  argumentDescription?: string
  options: O
  switches?: Readonly<Record<string, Switch>>
  /** `run` watches `signal` and returns when interrupted; other commands are ended by the first interruption. */
  finishesOnInterrupt?: true
  /** Command lines for `--help`. */
  examples: readonly string[]
  run(input: Input<O>, context: Context): Promise<Result>
}

/** Commands with a common name: `elbo NAME COMMAND`. */
export interface CommandGroup {
  name: string
  summary: string
  /** What COMMAND stands for in help, such as `model`. */
  argument: string
  commands: readonly Command[]
}

export type AnyCommand = Command | CommandGroup

export interface Input<O extends Options> {
  /** The first of `arguments`; empty if the command takes none. */
  argument: string
  arguments: readonly string[]
  /** All options, with the default of those not given. */
  values: Values<O>
  /** Only the options that were given. */
  given: Partial<Values<O>>
  switches: Record<string, boolean>
}

/** Infers the types of a command's options. */
export function command<const O extends Options>(definition: Command<O>): Command<O> {
  return definition
}
