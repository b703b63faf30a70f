/** Which options of `elbo evaluate` go with which of its methods: what would be ignored is refused. */
import { kebabCase, UsageError } from '../../settings/setting.js'

export const methods = ['importance', 'ais', 'quadrature'] as const

/** What is measured, and how. */
export type Kind = (typeof methods)[number] | 'simulated' | 'gaps'

/** What of a command line decides that. */
export interface Asked {
  method: (typeof methods)[number]
  simulated: number | null
  switches: Readonly<Record<string, boolean>>
}

export const kindOf = ({ method, simulated, switches }: Asked): Kind =>
  switches.gaps ? 'gaps' : method === 'ais' && simulated !== null ? 'simulated' : method

/** Options and switches that mean something to some kinds only; those not named here, to all. */
const meaning: Readonly<Record<string, readonly Kind[]>> = {
  samples: ['importance', 'gaps'],
  defensive: ['importance'],
  method: ['importance', 'ais', 'quadrature', 'simulated'],
  images: ['importance', 'ais', 'quadrature'],
  split: ['importance', 'ais', 'quadrature', 'gaps'],
  data: ['importance', 'ais', 'quadrature', 'gaps'],
  save: ['importance', 'ais', 'quadrature'],
  reference: ['importance', 'ais', 'quadrature'],
  temperatures: ['ais', 'simulated'],
  chains: ['ais', 'simulated'],
  leapfrogSteps: ['ais', 'simulated'],
  simulated: ['simulated'],
  grid: ['quadrature'],
  extent: ['quadrature'],
  gapImages: ['gaps'],
  gapSteps: ['gaps'],
}

/** How a kind is asked for. */
const flags: Readonly<Record<Kind, string>> = {
  importance: '--method importance',
  ais: '--method ais',
  quadrature: '--method quadrature',
  simulated: '--simulated',
  gaps: '--gaps',
}

/** Throws a `UsageError` for an option or switch that was given and would be ignored. */
export function refuseUnused(given: object, asked: Asked): void {
  const kind = kindOf(asked)
  const unused = namesGiven(given, asked).find(name => !(meaning[name]?.includes(kind) ?? true))
  if (unused === undefined) return
  const right = (meaning[unused] as readonly Kind[]).map(one => flags[one])
  if (unused === 'simulated') right[0] = flags.ais
  const only = right.length === 1 && unused !== 'simulated' ? `without ${right[0]}` : `with ${flags[kind]}`
  throw new UsageError(`--${kebabCase(unused)}: means nothing ${only}; leave it out, or use ${right[0]}`)
}

/** Throws a `UsageError` for what a run of `elbo em` cannot have measured. */
export function refuseForFitted(given: object, asked: Asked): void {
  const anyRun = ['images', 'split', 'data']
  const unused = namesGiven(given, asked).find(name => name in meaning && !anyRun.includes(name))
  if (unused === undefined && !asked.switches.gaps) return
  throw new UsageError(`--${kebabCase(unused ?? 'gaps')}: means nothing for a run of \`elbo em\`; leave it out`)
}

/** Throws a `UsageError` for what a decoder without an encoder (`elbo em vae`) cannot have measured. */
export function refuseForDecoder(given: object, asked: Asked): void {
  const possible = ['images', 'split', 'data', 'save', 'temperatures', 'chains', 'method']
  const unused = namesGiven(given, asked).find(name => name in meaning && !possible.includes(name))
  const method = 'method' in given && asked.method !== 'ais' ? `method ${asked.method}` : undefined
  const wrong = asked.switches.gaps ? 'gaps' : (unused ?? method)
  if (wrong === undefined) return
  const why = notOfDecoders[wrong] ?? 'this run has no encoder; leave it out, or use --method ais'
  throw new UsageError(`--${kebabCase(wrong)}: ${why}`)
}

/** Why options of annealing cannot be had of a decoder without an encoder. */
const notOfDecoders: Readonly<Record<string, string>> = {
  leapfrogSteps: 'the chains of this run, which has no encoder, move as they did while it learned; leave it out',
  simulated: 'only for a run with an encoder, which this one has not; leave it out',
}

const namesGiven = (given: object, { switches }: Asked): string[] => [
  ...Object.keys(given),
  ...Object.keys(switches).filter(name => switches[name]),
]
