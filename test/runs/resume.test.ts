// Resumed runs on a part of MNIST: byte for byte as if never stopped, refused where the run is damaged or was begun with other settings.
import { cpSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Choice } from '../../src/compile/step.js'
import { optimizers } from '../../src/inference/optimizer.js'
import { bfloat16Problem } from '../../src/libtensorflow/machine.js'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { loadTrainedVae, readRunSnapshot } from '../../src/runs/trained-run.js'
import { useBackend } from '../support/backend.js'
import { smallMnist } from '../support/idx-file.js'
import { skipped } from '../support/native.js'
import { expectSameState, newRun, readMetrics, smallConfig, stopAfterFirstStep, trainSmall } from '../support/runs.js'

describe('a resumed run is byte for byte the run that was never stopped', () => {
  test.each([...optimizers])('with %s, stopped between two epochs', async optimizer => {
    const changes = { optimizer, clipNorm: 50, klWarmup: 3 }
    const [whole, parts] = [newRun(), newRun()]
    await trainSmall(whole, changes)
    await trainSmall(parts, { ...changes, epochs: 2 })
    await trainSmall(parts, changes, { resume: true })
    expectSameState(parts, whole)
    expectSameState(parts, whole, 'best')
    const withoutClock = (run: string) => readMetrics(run).map(({ seconds, imagesPerSecond, ...rest }) => rest)
    expect(withoutClock(parts)).toEqual(withoutClock(whole))
  })

  test.each(['xla', 'graph', 'off'] as const)(
    'stopped in the middle of an epoch, twice, with steps run by %s',
    async mode => {
      const compile = (await useBackend()).name === 'tensorflow' ? mode : 'off'
      const [whole, parts] = [newRun(), newRun()]
      await trainSmall(whole, { compile })
      const first = await trainSmall(parts, { compile }, stopAfterFirstStep())
      expect(first).toMatchObject({ ended: 'interrupted', position: { epoch: 0, stepInEpoch: 1, compile } })
      const second = await trainSmall(parts, { compile }, { resume: true, ...stopAfterFirstStep() })
      expect(second).toMatchObject({ ended: 'interrupted', position: { epoch: 0, stepInEpoch: 2 } })
      await trainSmall(parts, { compile }, { resume: true })
      expectSameState(parts, whole)
    },
  )

  test.skipIf(skipped !== '' || bfloat16Problem() !== undefined)(
    'with products in bfloat16, which is in the snapshot and never changes',
    async () => {
      const changes = { compile: 'auto', precision: 'bfloat16', epochs: 1 } as const
      const [whole, parts] = [newRun(), newRun()]
      await trainSmall(whole, changes)
      await trainSmall(parts, changes, stopAfterFirstStep())
      await trainSmall(parts, changes, { resume: true })
      expectSameState(parts, whole)
      expect(readRunSnapshot(whole, 'latest').snapshot.settings).toMatchObject({ precision: 'bfloat16' })
    },
  )

  test('with a number of draws that grows, stopped before and after it has', async () => {
    const changes = { objective: 'iwae', samplesMilestones: [[1, 3]], epochs: 2 } satisfies Partial<VaeConfig>
    const [whole, parts] = [newRun(), newRun()]
    await trainSmall(whole, changes)
    await trainSmall(parts, changes, stopAfterFirstStep())
    await trainSmall(parts, { ...changes, epochs: 1 }, { resume: true })
    await trainSmall(parts, changes, { resume: true, ...stopAfterFirstStep() })
    await trainSmall(parts, changes, { resume: true })
    expectSameState(parts, whole)
  })

  test.each(['mixture', 'vamp'] as const)(
    'with a learned prior, %s, stopped in the middle of an epoch',
    async prior => {
      const changes = { prior, priorComponents: 7, kl: 'monte-carlo', activation: 'gated' } as const
      const [whole, parts] = [newRun(), newRun()]
      await trainSmall(whole, changes)
      await trainSmall(parts, changes, stopAfterFirstStep())
      await trainSmall(parts, changes, { resume: true })
      expectSameState(parts, whole)
      const { tensors } = readRunSnapshot(whole, 'latest').snapshot
      expect([...tensors.keys()].filter(name => name.startsWith('prior/'))).toHaveLength(prior === 'vamp' ? 1 : 3)
    },
  )

  test('with steps run in the mode that is fastest, which a resumed run does not choose again', async () => {
    const [whole, parts] = [newRun(), newRun()]
    const choices: Choice[] = []
    const observer = { compiled: (choice: Choice) => void choices.push(choice) }
    await trainSmall(parts, { compile: 'auto', epochs: 2 }, { observer })
    const compile = choices[0]?.mode ?? 'off'
    await trainSmall(parts, { compile: 'auto' }, { resume: true, observer })
    await trainSmall(whole, { compile })
    expect(choices.map(({ mode }) => mode)).toEqual([compile, compile])
    if (compile !== 'off') expect(choices[1]?.reason).toBe('as before the run was stopped')
    expectSameState(parts, whole)
  })

  test('killed after the metrics were written and before the snapshot was', async () => {
    const [whole, parts, earlier] = [newRun(), newRun(), newRun()]
    await trainSmall(whole)
    await trainSmall(parts, { epochs: 3 })
    await trainSmall(earlier, { epochs: 2 })
    const metrics = readFileSync(join(parts, 'metrics.jsonl'), 'utf8')
    writeFileSync(join(earlier, 'metrics.jsonl'), `${metrics}{"epoch":4,"st`)
    await trainSmall(earlier, {}, { resume: true })
    expectSameState(earlier, whole)
    expect(readMetrics(earlier).map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4])
  })

  test('killed before its first snapshot', async () => {
    const [whole, parts] = [newRun(), newRun()]
    await trainSmall(whole, { epochs: 1 })
    await trainSmall(parts, { epochs: 1 }, { resume: true })
    expectSameState(parts, whole)
  })
})

test('a run is resumed only with the images that it began with', async () => {
  const run = newRun()
  await trainSmall(run, { epochs: 1 })
  const data = smallMnist(1300, 100)
  await expect(trainSmall(run, { data }, { resume: true })).rejects.toThrow('this run was trained on other images')
})

describe('of a run', () => {
  let good: string
  beforeAll(async () => {
    good = newRun()
    await trainSmall(good, { epochs: 1 })
  })

  /** A copy of the run, with this damage. */
  const damaged = (damage: (copy: string) => void) => {
    const copy = newRun()
    cpSync(good, copy, { recursive: true, verbatimSymlinks: true })
    damage(copy)
    return copy
  }

  test.each([
    'state.safetensors',
    'encoder/model.json',
    'encoder/weights.bin',
    'decoder/model.json',
    'decoder/weights.bin',
  ])('a damaged snapshot is refused when a byte of %s is flipped, when it is cut short, when it is missing', file => {
    const reading = (damage: (path: string) => void) => {
      const copy = damaged(run => damage(join(run, 'latest', file)))
      return () => readRunSnapshot(copy, 'latest')
    }
    const flip = reading(path => {
      const bytes = readFileSync(path)
      const middle = bytes.length >> 1
      bytes[middle] = (bytes[middle] as number) ^ 1
      writeFileSync(path, bytes)
    })
    expect(flip).toThrow(`${file}: `)
    const cut = reading(path => writeFileSync(path, readFileSync(path).subarray(0, -1)))
    expect(cut).toThrow(`${file}: `)
    const missing = reading(path => rmSync(path))
    expect(missing).toThrow(`${file}: the file is missing`)
  })

  test('a snapshot is refused when config.json describes another model', async () => {
    const other = JSON.stringify(await smallConfig({ hidden: [17] }))
    const copy = damaged(run => writeFileSync(join(run, 'config.json'), other))
    expect(() => loadTrainedVae(copy, 'latest')).toThrow(
      'latest/state.safetensors: was trained with hidden = [16], but config.json says [17]',
    )
  })

  const resumeOf = (damage: (copy: string) => void, changes: Partial<VaeConfig> = {}) =>
    trainSmall(damaged(damage), changes, { resume: true })

  test.each<[string, (copy: string) => void, string]>([
    ['latest is missing', copy => rmSync(join(copy, 'latest')), 'latest: the link is missing or leads nowhere'],
    [
      'latest leads nowhere',
      copy => rmSync(join(copy, 'snapshots'), { recursive: true }),
      'latest: the link is missing or leads nowhere',
    ],
    ['the copy did not keep links', dereference, 'a folder, but a link into snapshots/ was expected'],
    ['metrics.jsonl is missing', copy => rmSync(join(copy, 'metrics.jsonl')), 'metrics.jsonl: has epochs none'],
    [
      'metrics.jsonl has garbage',
      copy => writeFileSync(join(copy, 'metrics.jsonl'), 'null\n'),
      'metrics.jsonl: line 1 is not a JSON object',
    ],
  ])('what was trained is never started over when %s', async (_name, damage, message) => {
    await expect(resumeOf(damage)).rejects.toThrow(message)
  })

  test('what was trained is never started over when config.json has other settings than the snapshot', async () => {
    for (const changes of [
      { seed: 2 },
      { batchSize: 25 },
      { activation: 'tanh' },
      { optimizer: 'sgd' },
    ] as Partial<VaeConfig>[]) {
      const [[name, value]] = Object.entries(changes) as [[string, unknown]]
      await expect(resumeOf(() => {}, changes)).rejects.toThrow(`but config.json says ${JSON.stringify(value)}`)
      await expect(resumeOf(() => {}, changes)).rejects.toThrow(`was trained with ${name} = `)
    }
  })
})

/** What `cp -rL` makes of a run. */
function dereference(copy: string): void {
  for (const name of ['latest', 'best']) {
    const target = realpathSync(join(copy, name))
    rmSync(join(copy, name))
    cpSync(target, join(copy, name), { recursive: true })
  }
}
