/** A VAE of one hidden tanh layer in plain float64 arithmetic, from its saved weights: what the program computes in float32 on a backend. */
import { modelsOf, namedWeights, type Vae } from '../../src/models/vae.js'

type Vector = readonly number[]
type Matrix = readonly Vector[]

/** One component of a mixture prior. */
interface Component {
  weight: number
  mu: Vector
  logVar: Vector
}

/** The densities of a VAE with Bernoulli pixels. */
export interface PlainVae {
  /** Mean and log variance of q(z|x). */
  encode(x: Vector): { mu: Vector; logVar: Vector }
  logLikelihood(x: Vector, z: Vector): number
  logPrior(z: Vector): number
}

export function plainVae(vae: Vae): PlainVae {
  const [encoder, decoder] = [layersOf(vae, 'encoder'), layersOf(vae, 'decoder')]
  const encode = (x: Vector) => {
    const hidden = encoder('hidden_1', x).map(Math.tanh)
    return { mu: encoder('mu', hidden), logVar: encoder('log_var', hidden) }
  }
  const components = componentsOf(vae, encode)
  return {
    encode,
    logLikelihood(x, z) {
      const logits = decoder('logits', decoder('hidden_1', z).map(Math.tanh))
      return sum(logits.map((logit, i) => (x[i] as number) * logit - Math.log1p(Math.exp(logit))))
    },
    logPrior: z => logSumExp(components.map(({ weight, mu, logVar }) => Math.log(weight) + logNormal(z, mu, logVar))),
  }
}

/** log N(z; mu, exp(logVar)). */
export const logNormal = (z: Vector, mu: Vector, logVar: Vector): number =>
  sum(
    z.map((value, j) => {
      const [mean, log] = [mu[j] as number, logVar[j] as number]
      return -(Math.log(2 * Math.PI) + log + (value - mean) ** 2 / Math.exp(log)) / 2
    }),
  )

export function logSumExp(values: Vector): number {
  const max = Math.max(...values)
  return max + Math.log(sum(values.map(value => Math.exp(value - max))))
}

const sum = (values: Vector): number => values.reduce((total, value) => total + value, 0)

/** The components of p(z), from the tables of the network `prior`; N(0, I) if there is none. */
function componentsOf(vae: Vae, encode: PlainVae['encode']): Component[] {
  const network = modelsOf(vae).get('prior')
  if (network === undefined) {
    const zeros = Array.from({ length: vae.latentDim }, () => 0)
    return [{ weight: 1, mu: zeros, logVar: zeros }]
  }
  const tables = new Map(namedWeights(network).map(([name, value]) => [name, value.arraySync() as number[][]]))
  const inputs = tables.get('pseudo_inputs/kernel')
  if (inputs) {
    const images = inputs.map(row => row.map(value => Math.min(Math.max(value, 0), 1)))
    return images.map(u => ({ weight: 1 / images.length, ...encode(u) }))
  }
  const names = ['mu', 'log_var', 'logit']
  const [mu, logVar, logits] = names.map(name => tables.get(`${name}/kernel`) as Matrix) as unknown as [
    Matrix,
    Matrix,
    Matrix,
  ]
  const total = sum(logits.map(([logit = 0]) => Math.exp(logit)))
  return mu.map((mean, k) => ({
    weight: Math.exp(logits[k]?.[0] as number) / total,
    mu: mean,
    logVar: logVar[k] as Vector,
  }))
}

/** A function from the name of a layer and its input to its output before the activation. */
function layersOf(vae: Vae, side: 'encoder' | 'decoder') {
  const weights = new Map(namedWeights(vae[side]).map(([name, value]) => [name, value.arraySync()]))
  return (name: string, input: Vector): number[] => {
    const kernel = weights.get(`${name}/kernel`) as number[][]
    return (weights.get(`${name}/bias`) as number[]).map((bias, unit) =>
      sum([bias, ...input.map((value, i) => value * (kernel[i]?.[unit] as number))]),
    )
  }
}
