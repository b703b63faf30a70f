/** `elbo train`: trains a VAE and writes its run directory. */
import { existsSync } from 'node:fs'
import { readWhole } from '../../files/files.js'
import { type Config, type PresetName, presets, resolveConfig, settings, vaeSettings } from '../../methods/config.js'
import { isEm, type RunConfig } from '../../methods/session.js'
import { runOf, withStep } from '../../runs/warm-start.js'
import { choice, text, UsageError } from '../../settings/setting.js'
import { command } from '../command.js'
import { existingRun } from '../opened-run.js'
import { trainRequested } from './train-run.js'

const presetList = Object.entries(presets)
  .map(([name, { description }]) => `${name} (${description})`)
  .join(', ')

export const train = command({
  name: 'train',
  summary: 'trains a VAE; writes checkpoints/RUN/ with its settings, metrics, weights and pictures',
  options: {
    run: text('name of the run (default: the first of vae-1, vae-2, … that is free)'),
    preset: choice(
      Object.keys(presets) as [PresetName, ...PresetName[]],
      'default',
      `settings to start from: ${presetList}`,
    ),
    config: text('JSON file of settings, as in config.json; flags win over it, it wins over the preset'),
    ...settings,
  },
  finishesOnInterrupt: true,
  switches: { resume: 'go on with the run where it stopped, bit for bit' },
  examples: [
    'train',
    'train --run first --epochs 2',
    'train --run first --resume --epochs 40',
    'train --run plane --preset latent-2d',
    'train --run convolutional --preset conv',
    'train --run deep --hidden 500,500 --latent-dim 40 --learning-rate 5e-4 --seed 7',
    'train --run fashion --data path/to/fashion-mnist',
    'train --run dreams --objective wake-sleep',
    'train --run tighter --init-from first --objective iwae --estimator dreg --samples 50',
  ],
  run: ({ values, given, switches }, context) =>
    trainRequested(
      {
        run: values.run,
        prefix: 'vae',
        resume: switches.resume === true,
        fresh: () => fresh(values, given, context.checkpoints),
        resumed: saved => resumed(saved, given),
      },
      context,
    ),
})

function fresh(
  values: { preset: PresetName; config: string | null },
  given: Partial<Config>,
  checkpoints: string,
): Config {
  const file = values.config === null ? {} : vaeSettings.parse(readConfigFile(values.config), values.config)
  const config = resolveConfig(presets[values.preset].config, file, onlySettings(given))
  if (config.initFrom === null) return config
  return { ...config, initFrom: withStep(config.initFrom, existingRun(runOf(config.initFrom), checkpoints)) }
}

function resumed(saved: RunConfig, given: Partial<Config> & { config?: unknown; preset?: unknown }): Config {
  const extra = (['config', 'preset'] as const).find(name => given[name] !== undefined)
  if (extra) throw new UsageError(`--${extra}: a resumed run keeps the settings that it began with; leave this out`)
  if (isEm(saved))
    throw new UsageError(`this run is a ${saved.model}: go on with \`elbo em ${saved.model} --run … --resume\``)
  return vaeSettings.resume(saved, onlySettings(given))
}

function onlySettings(given: Partial<Config>): Partial<Config> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => name in settings))
}

function readConfigFile(path: string): string {
  if (!existsSync(path)) throw new UsageError(`--config ${path}: there is no such file`)
  return readWhole(path).toString()
}
