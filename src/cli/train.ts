/** `elbo train`: trains a VAE and writes its run directory. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { explain, readWhole } from '../checkpoints/files.js'
import { hasHistory, listRuns, runFolder } from '../checkpoints/run-directory.js'
import { type Config, type PresetName, parseConfig, presets, resolveConfig, resumeConfig, settings } from '../config.js'
import { readRunConfig, writeRunConfig } from '../session.js'
import { choice, text, UsageError } from '../settings.js'
import { type EpochMetrics, type TrainingResult, train as trainRun } from '../train.js'
import { trainingRecords } from '../training-records.js'
import { type Context, command, type Result } from './command.js'
import { describeChoice, openAndSay } from './opened-run.js'
import { progressBar } from './progress-bar.js'

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
  ],
  async run({ values, given, switches }, context) {
    const name = values.run ?? (switches.resume ? undefined : unusedName(context.checkpoints))
    if (name === undefined) throw new UsageError(`--resume: name the run with --run ${knownRuns(context.checkpoints)}`)
    const folder = runFolder(context.checkpoints, name)
    const config = switches.resume ? resumed(folder, given) : fresh(folder, values, given)
    const made = !switches.resume && claim(folder, config)
    try {
      return await trainNamed(name, folder, config, switches.resume === true, context)
    } catch (error) {
      // A run that never began leaves nothing behind.
      if (made && !hasHistory(folder)) rmSync(folder, { recursive: true, force: true })
      throw error
    }
  },
})

async function trainNamed(
  name: string,
  folder: string,
  config: Config,
  resume: boolean,
  context: Context,
): Promise<Result> {
  const backend = await openAndSay(config.backend, context)
  const bar = progressBar('steps', context)
  const records = trainingRecords(folder, config, backend)
  if (records.missing) context.note(records.missing)
  const result = await trainRun({
    folder,
    config,
    resume,
    backend,
    signal: context.signal,
    observer: {
      started({ epoch, stepInEpoch }, data) {
        if (epoch >= config.epochs) context.note(`run ${name} has all its ${epoch} epochs; a larger --epochs goes on`)
        const where = epoch + stepInEpoch > 0 ? `, going on after epoch ${epoch}, step ${stepInEpoch} of the next` : ''
        context.note(
          `run ${name}: ${data.train.count} training and ${data.validation.count} validation images of ` +
            `${data.rows}x${data.columns}, ${config.binarize} binarization, ${config.epochs} ${config.epochs === 1 ? 'epoch' : 'epochs'}${where}`,
        )
      },
      compiled: choice => context.note(describeChoice(choice)),
      progress: p =>
        bar.update(
          p.step,
          p.steps,
          `epoch ${p.epoch}/${p.epochs} | ELBO ${p.elbo.toFixed(1)} nats/image | ` +
            `${Math.round(p.imagesPerSecond)} images/s | ETA ${duration(p.remainingSeconds)}`,
        ),
      epoch(metrics, isBest) {
        bar.stop()
        context.print(describeEpoch(metrics, config.epochs, isBest))
      },
      async saved(vae, history, data) {
        const metrics = history.at(-1) as EpochMetrics
        records.summarize(metrics)
        if (metrics.epoch % config.imagesEvery !== 0 && metrics.epoch !== 1 && metrics.epoch !== config.epochs) return
        await records.drawImages(vae, data, metrics.epoch)
        await records.drawCurve(history)
      },
    },
  }).finally(() => bar.stop())
  if (result.ended !== 'finished' && result.history.length > 0) await records.drawCurve(result.history)
  conclude(result, name, folder, context)
  return {
    json: { run: name, folder, backend: backend.name, ...summary(result) },
    interrupted: result.ended === 'interrupted',
  }
}

function fresh(folder: string, values: { preset: PresetName; config: string | null }, given: Partial<Config>): Config {
  if (!isEmpty(folder)) {
    throw new UsageError(
      existsSync(join(folder, 'config.json'))
        ? `${folder} has a run already: go on with it by --resume, or choose another --run`
        : `${folder} is there already and holds no run; choose another --run`,
    )
  }
  const file = values.config === null ? {} : parseConfig(readConfigFile(values.config), values.config)
  return resolveConfig(presets[values.preset].config, file, onlySettings(given))
}

function resumed(folder: string, given: Partial<Config> & { config?: unknown; preset?: unknown }): Config {
  const extra = (['config', 'preset'] as const).find(name => given[name] !== undefined)
  if (extra) throw new UsageError(`--${extra}: a resumed run keeps the settings that it began with; leave this out`)
  return resumeConfig(readRunConfig(folder), onlySettings(given))
}

function onlySettings(given: Partial<Config>): Partial<Config> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => name in settings))
}

/** Makes the run's folder, so that it can be resumed whatever happens next; false if an empty one was there already. */
function claim(folder: string, config: Config): boolean {
  let made = true
  try {
    mkdirSync(dirname(folder), { recursive: true })
    mkdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw explain(error, folder)
    made = false
  }
  writeRunConfig(folder, config)
  return made
}

function readConfigFile(path: string): string {
  if (!existsSync(path)) throw new UsageError(`--config ${path}: there is no such file`)
  return readWhole(path).toString()
}

function isEmpty(folder: string): boolean {
  return !existsSync(folder) || (statSync(folder).isDirectory() && readdirSync(folder).length === 0)
}

function unusedName(checkpoints: string): string {
  const taken = new Set(listRuns(checkpoints))
  let n = 1
  while (taken.has(`vae-${n}`)) n++
  return `vae-${n}`
}

function knownRuns(checkpoints: string): string {
  const names = listRuns(checkpoints)
  return names.length > 0 ? `(runs: ${names.join(', ')})` : `(there are no runs in ${checkpoints} yet)`
}

function describeEpoch(m: EpochMetrics, epochs: number, isBest: boolean): string {
  return (
    `epoch ${String(m.epoch).padStart(String(epochs).length)}/${epochs}  ` +
    `validation ELBO ${m.validationElbo.toFixed(2)} ± ${m.validationElboError.toFixed(2)} ` +
    `(reconstruction ${m.reconstruction.toFixed(2)}, KL ${m.kl.toFixed(2)})  ` +
    `train ${m.trainElbo.toFixed(2)} nats/image  ${Math.round(m.imagesPerSecond)} images/s${isBest ? '  best' : ''}`
  )
}

function conclude(
  { ended, position, history }: TrainingResult,
  name: string,
  folder: string,
  { note, print, checkpoints }: Context,
): void {
  const elsewhere = checkpoints === 'checkpoints' ? '' : ` --checkpoints ${checkpoints}`
  if (ended === 'interrupted') {
    note(
      `interrupted: saved after epoch ${position.epoch}, step ${position.stepInEpoch} of the next; go on with: elbo train --run ${name} --resume${elsewhere}`,
    )
    return
  }
  if (ended === 'early') note(`stopped early: no better validation ELBO since epoch ${position.best?.epoch}`)
  const best = history.find(({ epoch }) => epoch === position.best?.epoch)
  if (best) {
    print(
      `best: epoch ${best.epoch}, validation ELBO ${best.validationElbo.toFixed(2)} ± ${best.validationElboError.toFixed(2)} ` +
        `nats/image (${best.validationImages} images; ± one standard error)`,
    )
  }
  print(`saved in ${folder}; look at plots/elbo.png and images/, measure with: elbo evaluate ${name}${elsewhere}`)
}

function summary({ ended, position, history }: TrainingResult) {
  return { ended, epoch: position.epoch, step: position.step, best: position.best, last: history.at(-1) ?? null }
}

function duration(seconds: number): string {
  const [minutes, rest] = [Math.floor(seconds / 60), Math.round(seconds % 60)]
  return minutes >= 60
    ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
    : `${minutes}:${String(rest === 60 ? 59 : rest).padStart(2, '0')}`
}
