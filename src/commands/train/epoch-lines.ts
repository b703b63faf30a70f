/** The lines of a training in a terminal: of the progress bar, and one after each epoch. */
import type { EpochMetrics, Validated } from '../../methods/metrics.js'
import type { TrainingProgress } from '../../runs/training.js'

/** Behind the bar. */
export function describeProgress({ epoch, epochs, elbo, imagesPerSecond, remainingSeconds }: TrainingProgress): string {
  return [
    `epoch ${epoch}/${epochs}`,
    ...(Number.isNaN(elbo) ? [] : [`ELBO ${elbo.toFixed(1)} nats/image`]),
    `${Math.round(imagesPerSecond)} images/s`,
    `ETA ${duration(remainingSeconds)}`,
  ].join(' | ')
}

/** After an epoch. `bound` names what is validated. */
export function describeEpoch(
  m: EpochMetrics,
  { epochs, bound }: { epochs: number; bound: string },
  isBest: boolean,
): string {
  const parts =
    m.reconstruction === undefined || m.kl === undefined
      ? ''
      : ` (reconstruction ${m.reconstruction.toFixed(2)}, KL ${m.kl.toFixed(2)})`
  return [
    `epoch ${String(m.epoch).padStart(String(epochs).length)}/${epochs}`,
    ...(m.validationElbo === undefined ? [] : [`${describeValidation(m as Validated, bound)}${parts}`]),
    ...(m.trainElbo === undefined ? [] : [`train ${(m.trainIwae ?? m.trainElbo).toFixed(2)} nats/image`]),
    ...(m.acceptance === undefined ? [] : [`acceptance ${m.acceptance.toFixed(2)}`]),
    `${Math.round(m.imagesPerSecond)} images/s`,
    ...(isBest && m.validationElbo !== undefined ? ['best'] : []),
  ].join('  ')
}

export function describeValidation(m: Validated, bound: string): string {
  const [value, error] = [m.validationIwae ?? m.validationElbo, m.validationIwaeError ?? m.validationElboError]
  return `validation ${bound} ${value.toFixed(2)} ± ${error.toFixed(2)}`
}

function duration(seconds: number): string {
  const [minutes, rest] = [Math.floor(seconds / 60), Math.round(seconds % 60)]
  return minutes >= 60
    ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
    : `${minutes}:${String(rest === 60 ? 59 : rest).padStart(2, '0')}`
}
