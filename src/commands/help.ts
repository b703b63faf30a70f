/** The layout of `--help`: flags in groups, wrapped at the width of the terminal. */
import { createRequire } from 'node:module'
import { type Help, Option, Command as Program } from 'commander'
import type { Group } from '../settings/flag-names.js'
import type { Declared, DeclaredGroup } from './declared.js'
import { describeFlag, type Flag } from './flags.js'

/** Columns of the terms. A longer one has a line of its own. */
const TERM = 25

/** Longer lines are hard to read. */
const WIDEST = 100

/** A description of fewer columns stands below its term. */
const NARROWEST = 40

/** The heading of a group. */
const heading = (group: Group): string => `${group.charAt(0).toUpperCase()}${group.slice(1)}:`

/** A flag for the parser, with its line of help. */
function optionOf(flag: Flag): Option {
  const { name, placeholder, group } = flag
  return new Option(placeholder ? `${name} <${placeholder}>` : name, describeFlag(flag)).helpGroup(heading(group))
}

/** Lays out the help of a program and of all commands added to it later. */
export function layOut(program: Program): Program {
  return program
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .configureHelp({ minWidthToWrap: 20, padWidth: () => TERM, formatItem, subcommandTerm: command => command.name() })
    .configureOutput({ getOutHelpWidth: () => Math.min(process.stdout.columns ?? 80, WIDEST) })
}

/** The program without its commands. */
export function declareProgram(): Program {
  return layOut(new Program('elbo'))
    .description('Trains latent-variable models on TensorFlow.js and measures them in nats per image.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .addHelpText('after', '\nRun a command with --help for its options and examples.')
}

export const packageVersion = (): string =>
  (createRequire(import.meta.url)('../../package.json') as { version: string }).version

/** Adds a group without its commands. */
export function declareGroup(
  program: Program,
  group: Omit<DeclaredGroup, 'commands'> & { commands: readonly { name: string }[] },
): Program {
  const { name, summary, argument, commands } = group
  return program
    .command(name)
    .description(summary)
    .usage(`<${argument}> [options]`)
    .argument(`[${argument}]`)
    .addHelpText('after', `\nEach ${argument} has its own settings: elbo ${name} ${commands[0]?.name} --help`)
}

/** Adds a command with its argument and flags; `parse` turns the text of a flag into the value of its setting. */
export function declareCommand(
  program: Program,
  command: Declared,
  parse: (setting: string, text: string) => unknown,
): Program {
  const sub = program
    .command(command.name)
    .description(command.summary)
    .addHelpOption(new Option('-h, --help', 'show this help').helpGroup(heading('output')))
    .addHelpText('after', afterFlags(command))
  if (command.argument !== undefined) sub.argument(argumentOf(command), command.argumentDescription ?? 'name of a run')
  for (const flag of command.flags) {
    const { setting } = flag
    const option = optionOf(flag)
    sub.addOption(setting === undefined ? option : option.argParser((text: string) => parse(setting, text)))
  }
  return sub
}

function argumentOf({ argument, isOptional, isRepeatable }: Declared): string {
  const name = `${argument}${isRepeatable ? '...' : ''}`
  return isOptional ? `[${name}]` : `<${name}>`
}

/** The end of the help of a command. */
function afterFlags(command: Declared): string {
  const examples = command.examples.map(line => `  elbo ${line}`)
  const more = command.flags.some(({ details }) => details !== '')
  return ['', 'Examples:', ...examples, ...(more ? ['', 'All options at length: docs/settings.md'] : [])].join('\n')
}

function formatItem(term: string, _width: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? 80
  const isNarrow = width - TERM - 4 < NARROWEST
  const indent = isNarrow ? 6 : TERM + 4
  // The parts of a default stay on one line.
  const glued = description.replaceAll('(default: ', '(default:\0')
  const [first = '', ...rest] = helper
    .boxWrap(glued, width - indent)
    .replaceAll('\0', ' ')
    .split('\n')
  const fits = !isNarrow && term.length <= TERM
  const below = (fits ? rest : [first, ...rest]).filter(line => line !== '').map(line => ' '.repeat(indent) + line)
  return [fits ? `  ${term.padEnd(TERM)}  ${first}`.trimEnd() : `  ${term}`, ...below].join('\n')
}
