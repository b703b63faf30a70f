/** Settings of the chains of Monte Carlo EM. */
import { z } from 'zod'
import { TRAJECTORY_JITTER, targetAcceptances } from '../sampling/defaults.js'
import { idle, type Rule } from '../settings/rules.js'
import { inGroup, positive, read, setting, wholeNumber } from '../settings/setting.js'
import type { TrainingShape } from './method.js'

export const chainSettings = inGroup('E step and M step', {
  samples: wholeNumber([1, 1e4], 1, [
    'draws of z per image, chain and pass',
    'Monte Carlo EM: draws of z per image, chain and pass. 1 is stochastic EM.',
  ]),
  chains: wholeNumber([1, 1000], 2, [
    'chains per image',
    'Monte Carlo EM: chains per image, which continue from pass to pass.',
  ]),
  leapfrogSteps: wholeNumber([1, 1000], 10, 'leapfrog steps per transition of HMC'),
  stepSize: positive(0.1, 'initial step size of Metropolis and HMC'),
  targetAcceptance: setting(
    z.number().gt(0).lt(1).nullable(),
    null,
    "a number between 0 and 1, or 'off'",
    [
      'acceptance rate to adapt the step size to',
      `Metropolis and HMC: target acceptance rate of the step size adaptation. off: ${targetAcceptances.metropolis} for Metropolis, ${targetAcceptances.hmc} for HMC.`,
    ],
    read.numberOrOff,
  ),
  adaptPasses: wholeNumber([0, 1e6], 10, [
    'passes in which the step size adapts',
    'Metropolis and HMC: the step size adapts during this many passes.',
  ]),
})

interface ChainConfig {
  sampler: string
  samples: number
  chains: number
  leapfrogSteps: number
  stepSize: number
  targetAcceptance: number | null
  adaptPasses: number
  batchSize: number
}

/** Number of images whose chains are diagnosed by ESS and R-hat after each pass. */
const JUDGED = 100

/** The options of the chains, the same for every image. */
export function chainOptions(config: ChainConfig, { images }: TrainingShape) {
  const { samples, chains, leapfrogSteps, stepSize, adaptPasses, batchSize, sampler } = config
  const targetAcceptance = config.targetAcceptance ?? targetAcceptances[sampler === 'metropolis' ? 'metropolis' : 'hmc']
  const moves = { transitions: samples, chains, leapfrogSteps, stepSize, adaptPasses, targetAcceptance }
  return { ...moves, jitter: TRAJECTORY_JITTER, images, batchSize, judged: Math.min(JUDGED, images) }
}

type Chained = ChainConfig & { method: string }

/** Refuses settings that the E step or the sampler would ignore; those in `drawn` belong to Monte Carlo EM alone. */
export const chainRules = <C extends Chained>(drawn: readonly (keyof C & string)[]): readonly Rule<C>[] => [
  idle<C>(
    drawn,
    ({ method }) => method !== 'monte-carlo',
    ({ method }) => `has no effect with --method ${method}; leave it out, or use --method monte-carlo`,
  ),
  idle<C>(
    ['stepSize', 'targetAcceptance', 'adaptPasses'],
    ({ method, sampler }) => method !== 'monte-carlo' || (sampler !== 'metropolis' && sampler !== 'hmc'),
    () => 'has no effect without --sampler metropolis or hmc; leave it out',
  ),
  idle<C>(
    ['leapfrogSteps'],
    ({ method, sampler }) => method !== 'monte-carlo' || sampler !== 'hmc',
    () => 'has no effect without --sampler hmc; leave it out',
  ),
]
