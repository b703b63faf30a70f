// The workloads: kinds of work and models, by name.

/**
 * A VAE on MNIST. With `filters`, convolutions of stride 2 come before the hidden layers, and the decoder mirrors them.
 * @typedef {object} Model
 * @property {string} name
 * @property {number[]} [filters]
 * @property {number[]} hidden
 * @property {number} latent
 * @property {number} batch images per step
 */

/**
 * A kind of work: its unit of time, the names of its default models, and `perMs`, the time in that unit for one
 * millisecond of a run of the model.
 * @typedef {object} Work
 * @property {string} title
 * @property {string} unit
 * @property {string[]} models
 * @property {(model: Model) => number} perMs
 */

/** Draws of z per image in `importance`. */
export const SAMPLES = 1000

/** @type {Readonly<Record<string, Work>>} */
export const works = {
  steps: {
    title: 'One training step',
    unit: 'ms per step',
    models: ['784-400-20@128', '784-200-200-50@100', '784-1000-1000-100@256', 'conv32-64-256-32@128'],
    perMs: () => 1,
  },
  workers: {
    title: 'One training step of two workers',
    unit: 'ms per step',
    models: ['784-400-20@128'],
    perMs: () => 1,
  },
  importance: {
    title: 'log p(x) by importance sampling',
    unit: 'µs per draw',
    models: ['784-200-200-50@100'],
    perMs: ({ batch }) => 1000 / (SAMPLES * batch),
  },
}

/** Thrown for a wrong command line, with a message of one line. */
export class UsageError extends Error {}

/**
 * `784-400-20@128`: hidden layers, latent dimensions, batch. `conv32-64-256-32@128`: filters, one hidden layer, latent
 * dimensions, batch.
 * @param {string} name
 * @returns {Model}
 */
export function parseModel(name) {
  const [, kind, sizes, batch] = /^(784-|conv)([1-9]\d*(?:-[1-9]\d*)+)@([1-9]\d*)$/.exec(name) ?? []
  const widths = sizes?.split('-').map(Number) ?? []
  const latent = widths.pop()
  const filters = kind === 'conv' ? widths.splice(0, widths.length - 1) : undefined
  if (latent === undefined || filters?.length === 0)
    throw new UsageError(
      `model '${name}' must look like 784-HIDDEN-…-LATENT@BATCH or convFILTERS-…-HIDDEN-LATENT@BATCH, such as 784-400-20@128 or conv32-64-256-32@128`,
    )
  return { name, ...(filters && { filters }), hidden: widths, latent, batch: Number(batch) }
}

/**
 * Lines of a heading.
 * @param {Model} model
 */
export function describeModel({ filters, hidden, latent, batch }) {
  const dense = [...hidden, latent].join('-')
  return [filters ? `conv ${filters.join('-')}, dense ${dense}` : `784-${dense}`, `batch ${batch}`]
}

/**
 * The models of a kind of work: those of `names`, separated by commas, or its own.
 * @param {string} work
 * @param {string | undefined} names
 */
export function modelsOf(work, names) {
  const models = (names?.split(',') ?? works[work]?.models ?? []).map(parseModel)
  const convolutional = models.find(({ filters }) => filters)
  if (work !== 'steps' && convolutional)
    throw new UsageError(`model '${convolutional.name}': --work ${work} is measured on fully connected models only`)
  return models
}

/**
 * The kinds of work in `names`, separated by commas.
 * @param {string} names
 */
export function parseWorks(names) {
  const wanted = names.split(',')
  const unknown = wanted.find(name => !Object.hasOwn(works, name))
  if (unknown !== undefined) throw new UsageError(`work '${unknown}' is not one of: ${Object.keys(works).join(', ')}`)
  return wanted
}
