/** `elbo em MODEL`: fits a model by expectation-maximization and its relatives; writes a run directory. */
import { type EmConfig, emModels, emSettings, emTable } from '../../methods/em-config.js'
import { isEm } from '../../methods/session.js'
import { text, UsageError } from '../../settings/setting.js'
import { command } from '../command.js'
import { trainRequested } from './train-run.js'

export const em = command({
  name: 'em',
  summary: 'fits a model by exact EM, Monte Carlo EM or mean field; writes checkpoints/RUN/ as train does',
  argument: 'model',
  argumentDescription: `one of ${emModels.join(', ')}`,
  options: {
    run: text('name of the run (default: the first of MODEL-1, MODEL-2, … that is free)'),
    ...emSettings,
  },
  finishesOnInterrupt: true,
  switches: { resume: 'go on with the run where it stopped, bit for bit' },
  examples: [
    'em bernoulli-mixture',
    'em bernoulli-mixture --run mixture --components 50 --epochs 100',
    'em bernoulli-mixture --prior 1.01',
    'em bernoulli-mixture --method mean-field --components 100',
    'em gaussian-mixture --covariance full --pca 50',
    'em factor-analysis --latent-dim 20',
    'em bernoulli-mixture --method monte-carlo --samples 5',
  ],
  run({ argument, values, given, switches }, context) {
    const model = emModels.find(name => name === argument)
    if (!model)
      throw new UsageError(`em ${argument}: there is no such model; one of ${emModels.join(', ')} was expected`)
    const { run, ...settings } = values
    const { run: _, ...changes } = given
    return trainRequested(
      {
        run,
        prefix: model,
        resume: switches.resume === true,
        fresh: () => emTable.resolve({ ...settings, model }),
        resumed(saved): EmConfig {
          if (!isEm(saved)) throw new UsageError('this run is a VAE: go on with `elbo train --run … --resume`')
          return emTable.resume(saved, { ...changes, model })
        },
      },
      context,
    )
  },
})
