/** `elbo train`: trains a VAE and writes its run directory. */
import { existsSync } from 'node:fs'
import { readWhole } from '../../files/files.js'
import { resolveConfig, vae } from '../../methods/vae.js'
import { type PresetName, presets } from '../../methods/vae-presets.js'
import { type VaeConfig, vaeFlags, vaeSettings } from '../../methods/vae-settings.js'
import { runOf, withStep } from '../../runs/warm-start.js'
import { choice, text, UsageError } from '../../settings/setting.js'
import { command } from '../command.js'
import { existingRun } from '../opened-run.js'
import { trainRequested } from './train-run.js'

const presetList = Object.entries(presets)
  .map(([name, { description }]) => `${name} (${description})`)
  .join(', ')

export const train = command({
  name: vae.command,
  summary: vae.summary,
  options: {
    run: text('name of the run (default: the first of vae-1, vae-2, … that is free)'),
    preset: choice(
      Object.keys(presets) as [PresetName, ...PresetName[]],
      'default',
      `settings to start from: ${presetList}`,
    ),
    config: text('JSON file of settings, as in config.json; flags win over it, it wins over the preset'),
    ...vaeFlags,
  },
  finishesOnInterrupt: true,
  switches: { resume: 'continue the run where it stopped, bit for bit' },
  examples: vae.examples,
  run(
    {
      values: { run, preset, config },
      given: { run: _, preset: givenPreset, config: givenConfig, ...given },
      switches,
    },
    context,
  ) {
    const asked = Object.entries({ preset: givenPreset, config: givenConfig }).find(([, value]) => value !== undefined)
    return trainRequested(
      {
        method: vae,
        run,
        prefix: vae.name,
        resume: switches.resume === true,
        fresh: () => fresh(preset, config, given, context.checkpoints),
        resumed(saved) {
          if (asked)
            throw new UsageError(`--${asked[0]}: a resumed run keeps the settings that it began with; leave this out`)
          return vaeSettings.resume(saved as VaeConfig, given)
        },
      },
      context,
    )
  },
})

function fresh(preset: PresetName, path: string | null, given: Partial<VaeConfig>, checkpoints: string): VaeConfig {
  const file = path === null ? {} : vaeSettings.parse(readConfigFile(path), path)
  const config = resolveConfig(presets[preset].config, file, given)
  if (config.initFrom === null) return config
  return { ...config, initFrom: withStep(config.initFrom, existingRun(runOf(config.initFrom), checkpoints)) }
}

function readConfigFile(path: string): string {
  if (!existsSync(path)) throw new UsageError(`--config ${path}: there is no such file`)
  return readWhole(path).toString()
}
