/** The flags of a command, as `--help`, docs/settings.md and shell completion show them. */
import { type Group, groups, kebabCase } from '../settings/flag-names.js'
import type { Setting } from '../settings/setting.js'
import type { Command } from './command.js'

export interface Flag {
  /** With its dashes. */
  name: string
  group: Group
  /** What stands for its value; absent for a switch. */
  placeholder?: Setting<unknown>['placeholder']
  /** A phrase without choices and default. */
  description: string
  /** More about it; may be empty. */
  details: string
  /** The choices and the default; may be empty. */
  values: string
  /** The default, as the command line takes it; absent: none. */
  standard?: string | undefined
  choices: readonly string[]
  /** The name of the setting; absent for a switch and the flags of all commands. */
  setting?: string
}

const common: readonly Flag[] = [
  {
    ...plain('--checkpoints', 'output', 'folder of the runs'),
    placeholder: 'path',
    values: '(default: checkpoints)',
  },
  plain('--json', 'output', 'print one JSON document instead'),
  plain('--debug', 'output', 'show messages of native code and stack traces'),
]

/** All flags of a command but --help, in groups and in the order of `--help`. */
export function flagsOf({ options, switches = {} }: Pick<Command, 'options' | 'switches'>): Flag[] {
  const settings = Object.entries(options).map(([name, one]) =>
    flagOf(name, one as Setting<unknown> & { group: Group }),
  )
  const others = Object.entries(switches).map(([name, { group, description }]) =>
    plain(`--${kebabCase(name)}`, group, description),
  )
  const rank = ({ group }: Flag) => groups.indexOf(group)
  return [...settings, ...others, ...common].sort((a, b) => rank(a) - rank(b))
}

function plain(name: string, group: Group, description: string): Flag {
  return { name, group, description, details: '', values: '', choices: [] }
}

function flagOf(name: string, one: Setting<unknown> & { group: Group }): Flag {
  const { group, description, details, choices = [], placeholder } = one
  return {
    name: `--${kebabCase(name)}`,
    group,
    placeholder,
    description,
    details,
    values: valuesOf(one),
    standard: standardOf(one),
    choices,
    setting: name,
  }
}

function standardOf({ value, unset }: Setting<unknown>): string | undefined {
  if (value === null) return unset
  return [value]
    .flat()
    .map(one => one ?? unset)
    .join(',')
}

function valuesOf(one: Setting<unknown>): string {
  const { choices = [] } = one
  const standard = standardOf(one)
  const chosen = choices.find(name => name === standard)
  const all = choices.join(',') === standard
  if (chosen !== undefined) return choices.map(name => (name === chosen ? `${name} (default)` : name)).join(', ')
  const listed = choices.length > 0 ? `${choices.join(', ')} ` : ''
  return `${listed}${standard === undefined ? '' : `(default: ${all ? 'all' : standard})`}`.trim()
}

/** A phrase with choices and default, such as 'KL term: analytic (default), monte-carlo'; many choices are left to docs/settings.md. */
export function describeFlag({ description, values, choices, standard }: Flag): string {
  if (choices.length > MOST_CHOICES) return `${description} (default: ${standard})`
  return [description, values].filter(text => text !== '').join(choices.length > 0 ? ': ' : ' ')
}

const MOST_CHOICES = 8
