// The programs of examples/ run as in a user's project, on small sizes, and do what their head comments say.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import * as library from '../src/library/fit.js'
import { useBackend } from './support/backend.js'
import { commandLine } from './support/command-line.js'
import { repository } from './support/repository.js'
import { runNode, userProject } from './support/user-project.js'

let project: string
beforeAll(() => {
  project = userProject()
  cpSync(join(repository, 'examples'), join(project, 'examples'), { recursive: true })
})

/** Each program, small arguments, and what its last lines must say. */
const PROGRAMS: [program: string, args: string[], says: (output: string) => void][] = [
  [
    'own-images.mjs',
    ['240', '4'],
    output => {
      expect(output.match(/^pass \d: ELBO -\d+\.\d+ nats per image$/gm)).toHaveLength(4)
      expect(output).toMatch(/log p\(x\) -\d+\.\d+ nats per image, each ± \d\.\d+\ncodes: 240 x 3/)
    },
  ],
  [
    'classifier.mjs',
    ['1000', '6'],
    output => {
      const correct = [...output.matchAll(/correct on test images (\S+) %/g)].map(([, percent]) => Number(percent))
      expect(correct).toHaveLength(6)
      expect(correct.at(-1)).toBeGreaterThan(50) // 25 by guessing
    },
  ],
  [
    'gan.mjs',
    ['400'],
    output => {
      const [, distance] = /from the centre: (\S+) ±/.exec(output) ?? []
      expect(Math.abs(Number(distance) - 1)).toBeLessThan(0.4)
    },
  ],
  [
    'monte-carlo-em.mjs',
    ['300', '150'],
    output => {
      const [w = [], truth = []] = [...output.matchAll(/^(?:w:| {2}) ((?: *-?\d\.\d\d)+)/gm)].map(([, list = '']) =>
        list.trim().split(/ +/).map(Number),
      )
      expect(w).toHaveLength(5)
      for (const [i, value] of w.entries()) expect(Math.abs(value - (truth[i] as number))).toBeLessThan(0.35)
    },
  ],
  [
    'two-workers.mjs',
    ['200'],
    output => {
      const [, first, last, w = ''] = /^loss (\S+) at first, (\S+) at last; w (.*)$/m.exec(output) ?? []
      expect(Number(last)).toBeLessThan(Number(first) / 20)
      for (const value of w.split(' ')) expect(Math.abs(Number(value) - 1)).toBeLessThan(0.1)
    },
  ],
]

test('every program of examples/ is tested', () => {
  const programs = readdirSync(join(repository, 'examples')).filter(name => name.endsWith('.mjs'))
  expect(PROGRAMS.map(([program]) => program).sort()).toEqual(programs.sort())
})

test.each(PROGRAMS)('%s', (program, args, says) => {
  const { stdout, stderr, status } = runNode(project, join('examples', program), ...args)
  expect(status, stderr).toBe(0)
  says(stdout)
})

test('the page gets what it loads, and draws images from an exported decoder', async () => {
  await useBackend('cpu')
  const { home, succeed } = commandLine()
  const images = { data: new Uint8Array(60 * 16).map((_, i) => 50 * (i % 5)), shape: [60, 4, 4] }
  const model = await library.fit(images, { latentDim: 2, hidden: [8], epochs: 1, batchSize: 10 })
  await model.save(join(home, 'checkpoints/small'))
  succeed('export', 'small', '--to', 'model', '--backend', 'cpu')
  const server = spawn(process.execPath, [join(project, 'examples/browser/serve.mjs'), join(home, 'model'), '0'])
  try {
    const [said] = await once(server.stdout, 'data')
    const url = String(said).trim()
    const page = await (await fetch(url)).text()
    for (const [, path] of page.matchAll(/(?:src="|from '\.\/)([\w.]+)/g))
      expect((await fetch(`${url}${path}`)).status, path).toBe(200)
    expect((await fetch(`${url}model/../../config.json`)).status).toBe(404)
    const sampler = await import(pathToFileURL(join(repository, 'examples/browser/sampler.js')).href)
    const decoder: tf.LayersModel = await sampler.loadDecoder(tf, `${url}model`)
    const values: Float32Array = await sampler.sample(tf, decoder, 3)
    expect([values.length, values.every(value => value > 0 && value < 1)]).toEqual([48, true])
    const image = await sampler.loadDescription(`${url}model`)
    expect(image).toMatchObject({ rows: 4, columns: 4, channels: 1, latentDim: 2, likelihood: 'bernoulli' })
    const [red, , , alpha] = sampler.toRgba(values, image, 2) as Uint8ClampedArray
    expect([red, alpha]).toEqual([Math.round(255 * (1 - (values[32] as number))), 255])
    const colours = sampler.toRgba([0, 0, 0, 1, 0.2, 0], { rows: 1, columns: 1, channels: 3 }, 1) as Uint8ClampedArray
    expect([...colours]).toEqual([255, 51, 0, 255])
  } finally {
    server.kill()
  }
})
