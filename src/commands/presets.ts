/** `elbo presets [NAME]`: the presets of `train` and `compare`, their settings and their published sources. */
import { type Preset, presets as vaePresets } from '../methods/vae-presets.js'
import { kebabCase } from '../settings/flag-names.js'
import { nearest } from '../settings/nearest.js'
import { shortened, UsageError } from '../settings/setting.js'
import { command } from './command.js'
import { type ComparePreset, comparePresets } from './compare/compare-settings.js'
import { wrap } from './wrap.js'

interface Listed {
  /** The command whose `--preset` it is. */
  command: 'train' | 'compare'
  name: string
  description: string
  settings: Readonly<Record<string, unknown>>
  /** The publication; null: none. */
  source: string | null
}

const ofTrain = Object.entries<Preset>(vaePresets).map(
  ([name, { description, config, source = null }]): Listed => ({
    command: 'train',
    name,
    description,
    settings: { ...config },
    source,
  }),
)

const ofCompare = Object.entries<ComparePreset>(comparePresets).map(
  ([name, { description, settings, source = null }]): Listed => ({
    command: 'compare',
    name,
    description,
    settings: { ...settings },
    source,
  }),
)

const all: readonly Listed[] = [...ofTrain, ...ofCompare]

/** `default` is a preset of both commands. */
const names = [...new Set(all.map(({ name }) => name))]

export const presets = command({
  name: 'presets',
  summary: 'lists the presets of train and compare',
  argument: 'name',
  argumentDescription: 'a preset, to print its settings',
  isOptional: true,
  argumentChoices: names,
  options: {},
  examples: ['presets', 'presets burda2015', 'presets --json'],
  async run({ argument }, { print, columns }) {
    if (argument !== '' && !names.includes(argument))
      throw new UsageError(
        `there is no preset '${shortened(argument)}'; did you mean ${nearest(argument, names)}? \`elbo presets\` lists them`,
      )
    const chosen = argument === '' ? all : all.filter(({ name }) => name === argument)
    const lines = argument === '' ? list() : chosen.flatMap(describe)
    for (const line of lines) for (const part of wrap(line, columns, 4)) print(part)
    return { json: chosen }
  },
})

function list(): string[] {
  const width = Math.max(...names.map(name => name.length))
  const lines = (presets: readonly Listed[]) =>
    presets.map(({ name, description }) => `  ${name.padEnd(width)}  ${description}`)
  return [
    'elbo train --preset NAME:',
    ...lines(ofTrain),
    '',
    'elbo compare --preset NAME:',
    ...lines(ofCompare),
    '',
    'elbo presets NAME prints the settings of one.',
  ]
}

function describe({ command, name, description, settings, source }: Listed): string[] {
  // An option that is off needs no flag.
  const given = Object.entries(settings).filter(([, value]) => value !== null)
  const flags = given.map(([setting, value]) => `  --${kebabCase(setting)} ${flagText(value)}`)
  return [
    `elbo ${command} --preset ${name}: ${description}`,
    ...(flags.length > 0 ? flags : ['  the defaults of all settings']),
    ...(source === null ? [] : [`source: ${source}`]),
  ]
}

/** A value as a flag is given it. */
const flagText = (value: unknown): string =>
  [value]
    .flat()
    .map(one => one ?? 'off')
    .join(',')
