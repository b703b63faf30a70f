/** Numbers that are not finite end a training before they reach a snapshot or a line of metrics. */
import * as tf from '#tfjs'
import type { Outputs } from '../compile/step.js'
import type { RunConfig } from '../methods/method.js'
import type { Keeper } from './keeper.js'
import type { Position } from './snapshot.js'

interface Trained {
  keeper: Pick<Keeper, 'place'>
  config: RunConfig
}

/** Throws an Error if the ELBO of a step is not finite. `position` is the one before these steps. */
export function requireFiniteBound(outputs: Outputs, position: Position, run: Trained): void {
  const broken = outputs.elbo?.findIndex(value => !Number.isFinite(value)) ?? -1
  if (broken >= 0)
    throw diverged(describeCause(outputs, broken), { ...position, step: position.step + broken + 1 }, run)
}

function describeCause({ elbo, kl, reconstruction }: Outputs, step: number): string {
  const value = `the ELBO is ${elbo?.[step]} nats`
  if (kl && !Number.isFinite(kl[step])) return `${value}: the encoder's mean or log variance overflowed`
  return reconstruction ? `${value}: the decoder's output overflowed (reconstruction ${reconstruction[step]})` : value
}

/** Throws an Error if the bound of the validation images is not finite. */
export function requireFiniteValidation(elbo: number, position: Position, run: Trained): void {
  if (!Number.isFinite(elbo))
    throw diverged(`the ELBO is ${elbo} nats: the last update broke the weights`, position, run)
}

/** Throws an Error if a variable has a value that is not finite. */
export async function requireFiniteVariables(
  variables: ReadonlyMap<string, tf.Tensor>,
  position: Position,
  run: Trained,
): Promise<void> {
  for (const [name, variable] of variables) {
    const finite = tf.tidy(() => tf.all(tf.isFinite(variable)))
    const [all] = await finite.data()
    finite.dispose()
    if (!all) throw diverged(`'${name}' has a value that is not finite`, position, run)
  }
}

/** The error of a training that cannot continue, with what can be tried by the settings that it has. */
function diverged(what: string, { step, epoch }: Position, { keeper: { place }, config }: Trained): Error {
  const kept = place === undefined ? '' : `. The last good snapshot is in ${place}`
  return new Error(`step ${step} (epoch ${epoch + 1}): ${what}${describeRemedy(config)}${kept}`)
}

function describeRemedy(config: RunConfig): string {
  if (!('learningRate' in config)) return ''
  const clip = 'clipNorm' in config ? config.clipNorm : undefined
  const clipping = clip === undefined ? '' : clip === null ? ' or with --clip-norm' : ` or a --clip-norm below ${clip}`
  return `; the usual cause is too large a learning rate: start another run with a smaller --learning-rate${clipping}`
}
