/** The command line: the table of commands, and the only place that handles flags, help, errors and exit codes. */
import { fstatSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Command as Commander, CommanderError, Option } from 'commander'
import { writeAll } from '../files/files.js'
import { tooManyFiles } from '../files/too-many-files.js'
import { exitAtOnce } from '../interruption.js'
import { nearest } from '../settings/nearest.js'
import { kebabCase, parseFlag, type Setting, shortened, UsageError } from '../settings/setting.js'
import { backends } from './backends.js'
import { bench } from './bench/bench.js'
import { check } from './check/check.js'
import type { Command, CommandGroup, Context, Result } from './command.js'
import { compare } from './compare/compare.js'
import { evaluate } from './evaluate/evaluate.js'
import { exportModel } from './export.js'
import { gradients } from './gradients/gradients.js'
import { interpolate } from './interpolate.js'
import { manifold } from './manifold.js'
import { posterior } from './posterior.js'
import { reconstruct } from './reconstruct.js'
import { runs } from './runs.js'
import { sample } from './sample.js'
import { setup } from './setup.js'
import { em } from './train/em.js'
import { train } from './train/train.js'
import { visible, visibleJson, visibleLines } from './visible.js'

const commands: readonly (Command | CommandGroup)[] = [
  train,
  em,
  compare,
  sample,
  reconstruct,
  interpolate,
  manifold,
  posterior,
  evaluate,
  gradients,
  runs,
  check,
  bench,
  backends,
  setup,
  exportModel,
] as (Command | CommandGroup)[]

/** Stands for null, which commander turns into an empty string. */
const OFF = Symbol('off')

const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 }

const interruption = new AbortController()
/** Whether the running command ends itself when it is interrupted. */
let isPatient = false
let outputFailed = false

/** Runs the command line and ends the process with its exit code. */
export async function main(): Promise<void> {
  listenForInterruptions()
  let exitCode = EXIT.done
  const program = createProgram(async (command, given, flags) => {
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
  const finalCode = outputFailed ? EXIT.failed : exitCode
  if (interruption.signal.aborted) exitAtOnce(finalCode)
  process.exit(finalCode)
}

function packageVersion(): string {
  return (createRequire(import.meta.url)('../../package.json') as { version: string }).version
}

type Flags = Record<string, unknown>

type Run = (command: Command, given: readonly string[], flags: Flags) => Promise<void>

function createProgram(run: Run): Commander {
  const program = new Commander('elbo')
    .description('Trains variational autoencoders on TensorFlow.js and measures them in nats per image.')
    .version(packageVersion())
    .addHelpText('after', '\nRun a command with --help for its options and examples.')
  strict(program)
  for (const command of commands) {
    if ('commands' in command) addGroup(program, command, run)
    else addCommand(program, command, run)
  }
  return program
}

function addGroup(program: Commander, { name, summary, argument, commands }: CommandGroup, run: Run): void {
  const group = program.command(name).description(summary).usage(`<${argument}> [options]`)
  const names: readonly string[] = commands.map(command => command.name)
  strict(group)
    .addHelpText('after', `\nEach ${argument} has its own settings: elbo ${name} ${names[0]} --help`)
    .argument(`[${argument}]`)
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
  const sub = program.command(command.name).description(command.summary)
  if (command.argument)
    sub.argument(
      `<${command.argument}${command.isRepeatable ? '...' : ''}>`,
      command.argumentDescription ?? 'name of a run in the checkpoints folder',
    )
  for (const [name, setting] of Object.entries(command.options)) sub.addOption(flag(name, setting as Setting<unknown>))
  for (const [name, description] of Object.entries(command.switches ?? {})) sub.option(`--${name}`, description)
  sub.option('--checkpoints <folder>', 'folder with the run directories', 'checkpoints')
  sub.option('--json', 'print exactly one JSON document to standard output')
  sub.option('--debug', 'show messages of native libraries and, on failure, the stack trace')
  sub.addHelpText('after', `\nExamples:\n${command.examples.map(line => `  elbo ${line}`).join('\n')}`)
  strict(sub).action(async (...parameters: unknown[]) => {
    const given = command.argument ? [parameters[0]].flat().map(String) : []
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

function flag(name: string, setting: Setting<unknown>): Option {
  const shown = Array.isArray(setting.value) ? setting.value.map(one => one ?? 'off').join(',') : setting.value
  const standard =
    shown === null ? (setting.expected.endsWith("'off'") ? ' (default: off)' : '') : ` (default: ${shown})`
  const choices = setting.choices && setting.choices.length > 1 ? `; ${setting.expected.replace(/,$/, '')}` : ''
  return new Option(`--${kebabCase(name)} <value>`, `${setting.description}${choices}${standard}`).argParser(
    (text: string) => parseFlag(name, setting, text) ?? OFF,
  )
}

async function runCommand(command: Command, given: readonly string[], flags: Flags): Promise<number> {
  const { json = false, debug = false, checkpoints } = flags as { json?: boolean; debug?: boolean; checkpoints: string }
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
    if (json) printJson(result)
    if (result.interrupted) return EXIT.interrupted
    return result.failed ? EXIT.failed : EXIT.done
  } catch (error) {
    const stopped = isInterruption(error as Error)
    const told = stopped
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
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      interruption.abort()
      if (error.code === 'EPIPE' || outputFailed) return
      outputFailed = true
      process.stderr.write(`elbo: cannot write the output: ${error.message}\n`)
    })
  }
}
