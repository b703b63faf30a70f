/** The command line: the only place that handles flags, errors and exit codes. */
import { fstatSync } from 'node:fs'
import { type Command as Commander, CommanderError } from 'commander'
import { writeAll } from '../files/files.js'
import { tooManyFiles } from '../files/too-many-files.js'
import { exitAtOnce } from '../interruption.js'
import { kebabCase } from '../settings/flag-names.js'
import { nearest } from '../settings/nearest.js'
import { parseFlag, type Setting, shortened, UsageError } from '../settings/setting.js'
import type { AnyCommand, Command, CommandGroup, Context, Result } from './command.js'
import { declared } from './declared.js'
import { hasOutputFailed, reportFailedOutput } from './failed-output.js'
import { declareCommand, declareGroup, declareProgram } from './help.js'
import { commandsFor } from './list.js'
import { visible, visibleJson, visibleLines } from './visible.js'

/** Stands for null, which commander turns into an empty string. */
const OFF = Symbol('off')

const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 }

const interruption = new AbortController()
/** Whether the running command ends itself when it is interrupted. */
let isPatient = false

/** Runs the command line and ends the process with its exit code. */
export async function main(): Promise<void> {
  listenForInterruptions()
  let exitCode = EXIT.done
  const program = createProgram(await commandsFor(process.argv[2]), async (command, given, flags) => {
    exitCode = await runCommand(command, given, flags)
  })
  try {
    await program.parseAsync()
  } catch (error) {
    exitCode = reportUsage(error as Error)
    if (exitCode !== EXIT.done && process.argv.includes('--json'))
      printJson({ json: { error: oneLine(error as Error) } })
  }
  // These writes flush the output. The explicit exit is needed because native libraries keep threads alive.
  await Promise.all([process.stdout, process.stderr].map(stream => new Promise(done => stream.write('', done))))
  const finalCode = hasOutputFailed() ? EXIT.failed : exitCode
  if (interruption.signal.aborted) exitAtOnce(finalCode)
  process.exit(finalCode)
}

type Flags = Record<string, unknown>

interface CommonFlags {
  json?: boolean
  debug?: boolean
  checkpoints?: string
}

type Run = (command: Command, given: readonly string[], flags: Flags) => Promise<void>

function createProgram(commands: readonly AnyCommand[], run: Run): Commander {
  const program = strict(declareProgram())
  for (const command of commands) {
    if ('commands' in command) addGroup(program, command, run)
    else addCommand(program, command, run)
  }
  return program
}

function addGroup(program: Commander, entry: CommandGroup, run: Run): void {
  const { name, argument, commands } = entry
  const names: readonly string[] = commands.map(command => command.name)
  const group = strict(declareGroup(program, entry))
    .allowUnknownOption()
    .allowExcessArguments()
    .action((given?: string) => {
      if (given === undefined) return group.help({ error: true })
      throw new UsageError(
        `${name} ${shortened(given)}: there is no such ${argument}; one of ${names.join(', ')} was expected; did you mean ${nearest(given, names)}?`,
      )
    })
  for (const command of commands) {
    addCommand(group, command, run).exitOverride(error => {
      throw foreignOption(error, command, commands) ?? error
    })
  }
}

/** The error for an option that only other commands of the group have. */
function foreignOption({ code, message }: CommanderError, { name }: Command, commands: readonly Command[]) {
  const [, flag] = /unknown option '--([a-z0-9-]+)'/.exec(message) ?? []
  if (code !== 'commander.unknownOption' || flag === undefined) return undefined
  const owners = commands.filter(({ options }) => Object.keys(options).some(option => kebabCase(option) === flag))
  if (owners.length === 0) return undefined
  return new UsageError(
    `--${flag}: not a setting of ${name}; it belongs to ${owners.map(owner => owner.name).join(', ')}`,
  )
}

function addCommand(program: Commander, command: Command, run: Run): Commander {
  const sub = declareCommand(
    program,
    declared(command),
    (name, text) => parseFlag(name, optionOf(command, name), text) ?? OFF,
  )
  strict(sub).action(async (...parameters: unknown[]) => {
    const given = command.argument ? [parameters[0] ?? []].flat().map(String) : []
    await run(command, given, parameters[command.argument ? 1 : 0] as Flags)
  })
  return sub
}

/** Makes commander throw its errors, so that they can be printed as one line. */
function strict(program: Commander): Commander {
  return program
    .exitOverride()
    .allowExcessArguments(false)
    .configureOutput({ outputError: () => {} })
}

const optionOf = ({ options }: Command, name: string): Setting<unknown> => options[name] as Setting<unknown>

async function runCommand(command: Command, given: readonly string[], flags: Flags): Promise<number> {
  const { json = false, debug = false, checkpoints = 'checkpoints' } = flags as CommonFlags
  const names = Object.keys(command.options)
  const value = (name: string) => (flags[name] === OFF ? null : flags[name])
  const chosen = Object.fromEntries(names.filter(name => flags[name] !== undefined).map(name => [name, value(name)]))
  const defaults = Object.fromEntries(names.map(name => [name, command.options[name]?.value]))
  const switches = Object.fromEntries(Object.keys(command.switches ?? {}).map(name => [name, flags[name] === true]))
  const context: Context = {
    print: line => writeLine(json ? process.stderr : process.stdout, visible(line)),
    note: line => writeLine(process.stderr, visible(line)),
    signal: interruption.signal,
    json,
    debug,
    checkpoints,
    columns: (json ? process.stderr : process.stdout).columns ?? Number.POSITIVE_INFINITY,
  }
  const input = {
    argument: given[0] ?? '',
    arguments: given,
    given: chosen,
    values: { ...defaults, ...chosen },
    switches,
  }
  isPatient = command.finishesOnInterrupt === true
  try {
    const result = await command.run(input as never, context)
    if (json && !result.isPrinted) printJson(result)
    if (result.interrupted) return EXIT.interrupted
    return result.failed ? EXIT.failed : EXIT.done
  } catch (error) {
    const stopped = isInterruption(error as Error)
    const told =
      stopped && !(error as Error).message.startsWith('interrupted while')
        ? new Error('interrupted; what was fetched is kept, and the next start continues there')
        : error
    if (json) printJson({ json: { error: oneLine(told as Error) } })
    const code = reportFailure(told as Error, debug)
    return stopped ? EXIT.interrupted : code
  }
}

/** Whether a command stopped because the user interrupted it before it had anything to save. */
const isInterruption = ({ name }: Error): boolean => interruption.signal.aborted && name === 'AbortError'

function printJson({ json }: Result): void {
  writeLine(process.stdout, visibleJson(json))
}

/** Node writes to a file with one call of the operating system, of which a disk that is almost full takes only a part. */
function writeLine(stream: NodeJS.WriteStream & { fd: number }, line: string): void {
  if (!fstatSync(stream.fd).isFile()) {
    stream.write(`${line}\n`)
    return
  }
  try {
    writeAll(stream.fd, `${line}\n`)
  } catch (error) {
    stream.emit('error', error)
  }
}

const oneLine = (error: Error): string => {
  const files = tooManyFiles(error)
  const text = 'summary' in error ? String(error.summary) : error.message
  const line = text.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ')
  return files === undefined ? line : `${files} (${line})`
}

function reportFailure(error: Error, debug: boolean): number {
  process.stderr.write(`elbo: ${visible(oneLine(error))}\n`)
  if (debug) process.stderr.write(`${visibleLines(error.stack ?? '')}\n`)
  return error instanceof UsageError ? EXIT.usage : EXIT.failed
}

/** Commander also throws after it has printed help. */
function reportUsage(error: Error): number {
  if (!(error instanceof CommanderError)) return reportFailure(error, false)
  if (error.exitCode === 0) return EXIT.done
  if (error.code === 'commander.help') return EXIT.usage
  return reportFailure(new UsageError(error.message.replaceAll(/'[^']+'/g, shortened)), false)
}

/** The first signal requests an orderly end, the second ends the process at once; a closed pipe requests an orderly end too. */
function listenForInterruptions(): void {
  const interrupt = () => {
    if (interruption.signal.aborted || !isPatient) process.exit(EXIT.interrupted)
    interruption.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt)
  reportFailedOutput(() => interruption.abort())
}
