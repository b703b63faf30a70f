/** The list of all commands, in the order of `elbo --help`. Each is loaded when it is needed: most of them load TensorFlow.js. */
import type { AnyCommand } from './command.js'

const loaders: Readonly<Record<string, () => Promise<unknown>>> = {
  train: async () => (await import('./train/train.js')).train,
  em: async () => (await import('./train/em.js')).em,
  compare: async () => (await import('./compare/compare.js')).compare,
  presets: async () => (await import('./presets.js')).presets,
  data: async () => (await import('./data.js')).data,
  sample: async () => (await import('./sample.js')).sample,
  reconstruct: async () => (await import('./reconstruct.js')).reconstruct,
  interpolate: async () => (await import('./interpolate.js')).interpolate,
  manifold: async () => (await import('./manifold.js')).manifold,
  traverse: async () => (await import('./traverse.js')).traverse,
  posterior: async () => (await import('./posterior.js')).posterior,
  evaluate: async () => (await import('./evaluate/evaluate.js')).evaluate,
  encode: async () => (await import('./encode/encode.js')).encode,
  score: async () => (await import('./score/score.js')).score,
  gradients: async () => (await import('./gradients/gradients.js')).gradients,
  runs: async () => (await import('./runs.js')).runs,
  explore: async () => (await import('./explore.js')).explore,
  check: async () => (await import('./check/check.js')).check,
  bench: async () => (await import('./bench/bench.js')).bench,
  backends: async () => (await import('./backends.js')).backends,
  setup: async () => (await import('./setup.js')).setup,
  export: async () => (await import('./export/export.js')).exportModel,
  completion: async () => (await import('./completion/completion.js')).completionOf(await loadAll(others())),
}

const others = (): string[] => Object.keys(loaders).filter(name => name !== 'completion')

const loadAll = (names: readonly string[]): Promise<AnyCommand[]> => Promise.all(names.map(load))

const load = async (name: string): Promise<AnyCommand> => (await loaders[name]?.()) as AnyCommand

export const allCommands = (): Promise<AnyCommand[]> => loadAll(Object.keys(loaders))

/** The command with this name, or all of them if there is none: then the user wants help, or has made a mistake. */
export const commandsFor = (name: string | undefined): Promise<AnyCommand[]> =>
  name !== undefined && Object.hasOwn(loaders, name) ? loadAll([name]) : allCommands()
