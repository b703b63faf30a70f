// Damaged files of a run: what is read afterwards is refused, or equal to what was written; `check` names it, and repairs what loses nothing.
import {
  appendFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { openBackend } from '../../src/backends/candidates.js'
import { inspectRun } from '../../src/commands/check/inspect-run.js'
import { repairRun } from '../../src/commands/check/repair.js'
import { decodeSafetensors, encodeSafetensors } from '../../src/files/safetensors.js'
import { resolveConfig } from '../../src/methods/vae.js'
import { readHistory, verifyHistory } from '../../src/runs/metrics-file.js'
import { readReached } from '../../src/runs/reached.js'
import { train } from '../../src/runs/train.js'
import { loadTrainedRun, readRunHeader } from '../../src/runs/trained-run.js'
import { smallMnist } from '../support/idx-file.js'

const home = mkdtempSync(join(tmpdir(), 'elbo-damage-'))
let good: string
let metricsOfThree: string

beforeAll(async () => {
  const { backend } = await openBackend('cpu', { debug: false })
  const data = smallMnist(60, 10)
  const config = resolveConfig({ data, batchSize: 25, hidden: [3], latentDim: 2, epochs: 3, compile: 'off' })
  await train({ folder: join(home, 'three'), config, backend })
  metricsOfThree = readFileSync(join(home, 'three', 'metrics.jsonl'), 'utf8')
  good = join(home, 'good')
  await train({ folder: good, config: { ...config, epochs: 2 }, backend })
})

let copies = 0
/** A damaged copy of the run. */
function damaged(damage: (copy: string) => void): string {
  const copy = join(home, `copy-${copies++}`)
  cpSync(good, copy, { recursive: true, verbatimSymlinks: true })
  damage(copy)
  return copy
}

/** What results are computed from: settings that decide them, weights, and metrics without times. */
function contentOf(folder: string) {
  const { snapshot, learner, method, config } = loadTrainedRun(folder, 'best')
  learner.dispose()
  const { position, history } = readReached(folder) ?? {}
  const lines = history?.map(({ seconds, imagesPerSecond, ...rest }) => rest)
  return { tensors: [...snapshot.tensors], settings: method.settings.fixed(config), position, lines }
}

/** Whole numbers below `limit`, the same in every run of the test. */
function numbers(seed: number): (limit: number) => number {
  let state = seed
  return limit => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

function damages(bytes: Buffer, next: (limit: number) => number): Buffer[] {
  const flip = () => {
    const copy = Buffer.from(bytes)
    const at = next(copy.length)
    copy[at] = (copy[at] as number) ^ (1 << next(8))
    return copy
  }
  const digit = () => {
    const copy = Buffer.from(bytes)
    const places = [...copy.keys()].filter(at => /[0-9]/.test(String.fromCharCode(copy[at] as number)))
    copy.write(String(next(10)), places[next(places.length)] ?? 0)
    return copy
  }
  const garbage = Buffer.from(Array.from({ length: bytes.length }, () => next(256)))
  const deep = Buffer.from('['.repeat(100_000))
  const cuts = [0, 1, next(bytes.length), bytes.length - 1].map(length => bytes.subarray(0, length))
  return [...Array.from({ length: 25 }, flip), ...Array.from({ length: 25 }, digit), ...cuts, garbage, deep]
}

test.each([
  'config.json',
  'metrics.jsonl',
  'latest/state.safetensors',
  'latest/encoder/weights.bin',
  'latest/encoder/model.json',
])('a damaged %s is refused in one line that names the file, or read as it was', file => {
  const [copy, content] = [damaged(() => {}), contentOf(good)]
  const path = join(copy, file)
  for (const bytes of damages(readFileSync(path), numbers(7))) {
    writeFileSync(path, bytes)
    let found: unknown
    try {
      found = contentOf(copy)
    } catch (error) {
      expect((error as Error).message).toMatch(/(json|jsonl|safetensors|bin): /)
      expect((error as Error).message).not.toMatch(/call stack/)
      continue
    }
    expect(found).toEqual(content)
  }
})

test('a changed number in a line of metrics is refused, and times are not', () => {
  const change = (name: string) =>
    damaged(copy => {
      const path = join(copy, 'metrics.jsonl')
      const lines = readFileSync(path, 'utf8').split('\n')
      lines[0] = JSON.stringify({ ...JSON.parse(lines[0] as string), [name]: 1.5 })
      writeFileSync(path, lines.join('\n'))
    })
  expect(() => readReached(change('kl'))).toThrow(/metrics\.jsonl: lines 1 to 2 do not have the digest in the latest/)
  expect(() => readReached(change('validationElbo'))).toThrow(/metrics\.jsonl: /)
  expect(() => readReached(change('epoch'))).toThrow(/metrics\.jsonl: line 1 has a wrong value: epoch/)
  expect(readReached(change('seconds'))?.history[0]?.seconds).toBe(1.5)
})

test('what verifies metrics without reading their values refuses what reading refuses', () => {
  const { position } = readRunHeader(good, 'latest')
  const best = position.best as NonNullable<typeof position.best>
  expect(() => verifyHistory(good, position)).not.toThrow()
  const wrong = [
    { ...position, epoch: 1 },
    { ...position, epoch: 3 },
    { ...position, step: position.step + 1 },
    { ...position, best: { ...best, validationBound: -1 } },
    { ...position, metricsSha256: '0'.repeat(64) },
  ]
  const refusal = (work: () => unknown) => {
    try {
      work()
    } catch (error) {
      return (error as Error).message
    }
    return 'not refused'
  }
  for (const one of wrong) {
    expect(refusal(() => verifyHistory(good, one))).toMatch(/metrics\.jsonl: /)
    expect(refusal(() => verifyHistory(good, one))).toBe(refusal(() => readHistory(good, one)))
  }
  const { metricsSha256, ...older } = position
  expect(() => verifyHistory(good, older)).not.toThrow()
})

test('what a run has reached is what its snapshot says, whatever lines follow', () => {
  const copy = damaged(at => writeFileSync(join(at, 'metrics.jsonl'), `${metricsOfThree}{"epoch":4,"st`))
  expect(readReached(copy)?.position.epoch).toBe(2)
  expect(readReached(copy)?.history.map(({ epoch }) => epoch)).toEqual([1, 2])
})

test('snapshots of older versions, without a digest, are compared by step and best bound', () => {
  const copy = damaged(at => {
    for (const name of ['latest', 'best']) {
      const path = join(at, name, 'state.safetensors')
      const { tensors, metadata } = decodeSafetensors(readFileSync(path), path)
      const { metricsSha256, ...position } = JSON.parse(metadata.position as string)
      writeFileSync(path, encodeSafetensors({ tensors, metadata: { ...metadata, position: JSON.stringify(position) } }))
    }
  })
  expect(readReached(copy)?.history).toHaveLength(2)
  const path = join(copy, 'metrics.jsonl')
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/"validationElbo":-(\d)/g, '"validationElbo":-1$1'))
  expect(() => readReached(copy)).toThrow(
    /metrics\.jsonl: line \d has validation bound .* but the latest snapshot says/,
  )
})

const bad = (files: { file: string; state: string }[]) =>
  files.filter(({ state }) => state !== 'whole').map(({ file, state }) => `${state} ${file}`)

describe('check', () => {
  test('finds a run whole that is', async () => {
    expect(await inspectRun(good, 'good')).toMatchObject({
      whole: true,
      locked: false,
      resume: { from: 'epoch 2, the last one: ask for more with --epochs' },
    })
  })

  test('reads everything, writes nothing, and does not take the lock', async () => {
    const copy = damaged(at => rmSync(join(at, 'lock')))
    const before = readdirSync(copy, { recursive: true }).sort()
    await inspectRun(copy, 'copy')
    expect(readdirSync(copy, { recursive: true }).sort()).toEqual(before)
  })

  test.each<[string, (copy: string) => void, string[], string]>([
    [
      'a half-written file',
      at => writeFileSync(join(at, 'config.json.99.tmp'), '{'),
      ['leftover r/config.json.99.tmp'],
      '',
    ],
    [
      'a half-written snapshot',
      at => mkdirSync(join(at, 'snapshots/step-00000099.tmp')),
      ['leftover r/snapshots/step-00000099.tmp'],
      '',
    ],
    [
      'lines of passes that no snapshot holds',
      at => writeFileSync(join(at, 'metrics.jsonl'), `${metricsOfThree}{"ep`),
      ['leftover r/metrics.jsonl'],
      '',
    ],
    ['no best', at => rmSync(join(at, 'best')), ['missing r/best'], ''],
    [
      'no latest',
      at => rmSync(join(at, 'latest')),
      ['missing r/latest', 'unverified r/metrics.jsonl'],
      'r/latest: the link is missing',
    ],
    [
      'a link that leads elsewhere',
      at => {
        rmSync(join(at, 'latest'))
        symlinkSync('/tmp', join(at, 'latest'))
      },
      ['damaged r/latest', 'unverified r/metrics.jsonl'],
      'r/latest: the link leads to no snapshot of this run',
    ],
  ])('finds and repairs %s', async (_name, damage, found, refused) => {
    const copy = damaged(damage)
    const inspected = await inspectRun(copy, 'r')
    expect(bad(inspected.files)).toEqual(found)
    expect(inspected.resume).toMatchObject(refused === '' ? { from: expect.any(String) } : { refused })
    expect(await repairRun(copy, 'r')).toHaveLength(1)
    expect((await inspectRun(copy, 'r')).whole).toBe(true)
    expect(contentOf(copy)).toEqual(contentOf(good))
  })

  test('says that a run begins again if it was killed before its first snapshot became the latest', async () => {
    const copy = damaged(at => {
      for (const name of ['latest', 'best', 'metrics.jsonl']) rmSync(join(at, name))
      rmSync(join(at, 'snapshots'), { recursive: true })
      cpSync(join(home, 'first-pass'), join(at, 'snapshots', 'step-00000000'), { recursive: true })
    })
    expect(await inspectRun(copy, 'r')).toMatchObject({ whole: false, resume: { from: 'the beginning' } })
    writeFileSync(join(copy, 'metrics.jsonl'), metricsOfThree)
    expect(await inspectRun(copy, 'r')).toMatchObject({ resume: { refused: 'r/latest: the link is missing' } })
  })

  test('says that a copy without links is refused', async () => {
    const copy = damaged(at => {
      const best = readlinkSync(join(at, 'best'))
      rmSync(join(at, 'best'))
      cpSync(join(at, best), join(at, 'best'), { recursive: true })
    })
    const refused = expect.stringMatching(/^r\/best: a link into snapshots\/ was expected/)
    expect((await inspectRun(copy, 'r')).resume).toMatchObject({ refused })
  })

  test('writes damaged exported networks again from the tensors, and keeps the damaged file', async () => {
    const copy = damaged(at => writeFileSync(join(at, 'latest/encoder/weights.bin'), 'x'))
    expect((await inspectRun(copy, 'r')).resume).toMatchObject({ refused: expect.stringContaining('weights.bin') })
    await repairRun(copy, 'r')
    expect(readFileSync(join(copy, 'latest/encoder/weights.bin.damaged'), 'utf8')).toBe('x')
    expect(contentOf(copy)).toEqual(contentOf(good))
  })

  test('goes back to the newest whole snapshot, and keeps the damaged one', async () => {
    const copy = damaged(at => {
      const older = join(at, 'snapshots', 'step-00000002') // of pass 1
      cpSync(join(home, 'first-pass'), older, { recursive: true })
      const state = join(at, 'latest', 'state.safetensors')
      writeFileSync(state, readFileSync(state).subarray(0, -1))
    })
    const done = await repairRun(copy, 'r')
    const label = readlinkSync(join(good, 'latest')).replace('snapshots/', '')
    expect(done).toContain(`renamed snapshots/${label} to ${label}.damaged`)
    expect(readlinkSync(join(copy, 'latest'))).toBe('snapshots/step-00000002')
    expect(existsSync(join(copy, `${label}.damaged`, 'state.safetensors'))).toBe(true)
    expect(await inspectRun(copy, 'r')).toMatchObject({ whole: true, resume: { from: 'epoch 1, step 0 of the next' } })
  })

  test('keeps the latest snapshot if a resume that was killed has dropped the line of a newer one', async () => {
    const copy = damaged(at => {
      rmSync(at, { recursive: true })
      cpSync(join(home, 'one'), at, { recursive: true, verbatimSymlinks: true })
      cpSync(join(good, 'config.json'), join(at, 'config.json'))
      cpSync(join(good, 'latest'), join(at, 'snapshots', 'step-00000004'), { recursive: true, dereference: true })
      rmSync(join(at, 'best'))
      symlinkSync('snapshots/step-00000004', join(at, 'best'))
    })
    const resume = { from: 'epoch 1, step 0 of the next' }
    const inspected = await inspectRun(copy, 'r')
    expect(inspected).toMatchObject({ whole: false, resume })
    expect(bad(inspected.files)).toEqual(['damaged r/best'])
    await repairRun(copy, 'r')
    expect(await inspectRun(copy, 'r')).toMatchObject({ whole: true, resume })
    const links = ['latest', 'best'].map(name => readlinkSync(join(copy, name)))
    expect(links).toEqual(['snapshots/step-00000002', 'snapshots/step-00000002'])
  })

  beforeAll(async () => {
    const { backend } = await openBackend('cpu', { debug: false })
    const config = JSON.parse(readFileSync(join(good, 'config.json'), 'utf8'))
    await train({ folder: join(home, 'one'), config: { ...config, epochs: 1 }, backend })
    cpSync(join(home, 'one', 'latest'), join(home, 'first-pass'), { recursive: true, dereference: true })
  })

  test('repairs nothing that it cannot: a damaged config.json stays, and resuming is refused', async () => {
    const copy = damaged(at => appendFileSync(join(at, 'config.json'), '}'))
    expect(await repairRun(copy, 'r')).toEqual([])
    expect((await inspectRun(copy, 'r')).resume).toMatchObject({
      refused: expect.stringContaining('config.json: not JSON'),
    })
  })

  test('leaves alone what has not our names, and what lies behind a link', async () => {
    const outside = join(home, 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'a.png.1.tmp'), 'mine')
    const copy = damaged(at => {
      writeFileSync(join(at, 'notes.tmp'), 'mine')
      mkdirSync(join(at, 'snapshots', 'mine.tmp'))
      const images = join(at, 'images')
      if (lstatSync(images).isDirectory()) renameSync(images, `${images}-before`)
      symlinkSync(outside, images)
    })
    await repairRun(copy, 'r')
    const kept = [join(copy, 'notes.tmp'), join(copy, 'snapshots/mine.tmp'), join(outside, 'a.png.1.tmp')]
    expect(kept.map(path => existsSync(path))).toEqual([true, true, true])
    expect(dirname(kept[2] as string)).toBe(outside)
  })
})
