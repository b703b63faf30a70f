/** What a curve can show, from lines of metrics.jsonl. */
import type { EpochMetrics } from '../../methods/metrics.js'

export interface Quantity {
  id: string
  title: string
  /** With its unit. */
  label: string
  /** The value and its standard error; undefined where the line has none. */
  of(line: EpochMetrics): readonly [value: number | undefined, error?: number | undefined]
  isLog?: boolean
  description: string
}

export const bound: Quantity = {
  id: 'bound',
  title: 'Bound on log p(x)',
  label: 'bound (nats per image)',
  of: line =>
    line.validationIwae !== undefined
      ? [line.validationIwae, line.validationIwaeError]
      : line.validationElbo !== undefined
        ? [line.validationElbo, line.validationElboError]
        : [line.trainIwae ?? line.trainElbo ?? line.elboAfterM, line.trainElboError],
  description:
    'The validation bound after each epoch, with its standard error over images; the training bound where nothing is validated.',
}

export const training: Quantity = {
  id: 'training',
  title: 'Training bound',
  label: 'bound (nats per image)',
  of: line => [line.trainIwae ?? line.trainElbo ?? line.elboAfterM, line.trainElboError],
  description: 'The mean bound over the steps of each epoch, while the weights changed.',
}

/** The small charts, in their order. */
export const others: readonly Quantity[] = [
  {
    id: 'reconstruction',
    title: 'Reconstruction',
    label: 'nats per image',
    of: line => [line.reconstruction ?? line.trainReconstruction],
    description: 'The reconstruction term of the ELBO, E log p(x|z) under q(z|x), after each epoch.',
  },
  {
    id: 'kl',
    title: 'KL',
    label: 'nats per image',
    of: line => [line.kl ?? line.trainKl],
    description: 'The KL term of the ELBO, KL(q(z|x) ‖ p(z)), after each epoch.',
  },
  {
    id: 'rate',
    title: 'Learning rate',
    label: 'learning rate',
    of: line => [line.learningRate],
    isLog: true,
    description: 'The learning rate of the last step of each epoch, on a logarithmic axis.',
  },
  {
    id: 'speed',
    title: 'Speed',
    label: 'images per second',
    of: line => [line.imagesPerSecond],
    description: 'Training images per second in each epoch.',
  },
]
