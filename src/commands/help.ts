/** The layout of `--help`: flags in groups, wrapped at the width of the terminal. */
import { type Help, Option, type Command as Program } from 'commander'
import type { Group } from '../settings/setting.js'
import { describeFlag, type Flag } from './flags.js'

/** Columns of the terms. A longer one has a line of its own. */
const TERM = 25

/** Longer lines are hard to read. */
const WIDEST = 100

/** A description of fewer columns stands below its term. */
const NARROWEST = 30

/** The heading of a group. */
const heading = (group: Group): string => `${group.charAt(0).toUpperCase()}${group.slice(1)}:`

/** A flag for the parser, with its line of help. */
export function optionOf(flag: Flag): Option {
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

/** `-h, --help`, which follows the other flags about output. */
export const helpOption = (): Option => new Option('-h, --help', 'show this help').helpGroup(heading('output'))

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
