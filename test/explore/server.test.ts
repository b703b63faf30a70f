// The server of `elbo explore`: what it answers, what it refuses, and that it changes nothing.
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImagesOf, MetricsOf, ModelOf, PicturesOf, RunSummary, TensorsOf } from '../../src/explore/protocol.js'
import { commandLine } from '../support/command-line.js'
import { type Explore, startExplore } from '../support/explore.js'
import { smallMnist } from '../support/idx-file.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const line = commandLine()
const { home, checkpoints, succeed, json, refused } = line
const hostile = '<img src=x onerror=alert(1)>"\'\u0007'
let server: Explore

beforeAll(async () => {
  const data = smallMnist(600, 120)
  succeed(
    'train',
    '--run',
    'plane',
    '--data',
    data,
    '--latent-dim',
    '2',
    '--hidden',
    '16',
    '--epochs',
    '2',
    '--compile',
    'off',
  )
  succeed(
    'em',
    'bernoulli-mixture',
    '--run',
    'mixture',
    '--data',
    data,
    '--components',
    '3',
    '--epochs',
    '2',
    '--compile',
    'off',
  )
  cpSync(join(checkpoints, 'plane'), join(checkpoints, 'broken'), { recursive: true, verbatimSymlinks: true })
  truncateSync(join(checkpoints, 'broken', 'latest', 'state.safetensors'), 100)
  mkdirSync(join(checkpoints, hostile))
  writeFileSync(join(checkpoints, hostile, 'config.json'), '{"data": "</script><b>"')
  server = await startExplore(home)
})

afterAll(async () => {
  await server?.stop()
})

const get = (path: string, headers: Record<string, string> = {}) => fetch(new URL(path, server.address), { headers })
const document = async <T>(path: string): Promise<T> => (await get(`api/${path}`)).json() as Promise<T>

/** The status of a raw request. */
function statusOf(path: string, options: { headers?: Record<string, string>; method?: string } = {}): Promise<number> {
  const { hostname, port } = new URL(server.address)
  return new Promise((done, fail) => {
    const sent = request({ hostname, port, path, agent: false, ...options }, response => {
      response.resume()
      done(response.statusCode ?? 0)
    })
    sent.on('error', fail)
    sent.end()
  })
}

const token = () => new URL(server.address).pathname

test('the list of runs is that of `elbo runs`, and says why a run cannot be read', async () => {
  const [listed, runs] = [json('runs'), await document<RunSummary[]>('runs.json')]
  expect(runs.map(({ name }: { name: string }) => name)).toEqual(listed.map(({ name }: { name: string }) => name))
  const found = (list: readonly { name: string }[], name: string) =>
    list.find(run => run.name === name) as unknown as Record<string, unknown>
  expect(found(runs, 'plane')).toMatchObject({ epoch: 2, epochs: 2, method: 'vae', isTraining: false })
  expect((found(runs, 'plane').best as { bound: number }).bound).toBe(
    (found(listed, 'plane').best as { validationBound: number }).validationBound,
  )
  expect(found(runs, 'broken').error).toBe(found(listed, 'broken').error)
  expect(found(runs, hostile).error).toContain('config.json')
})

test('metrics are the lines of metrics.jsonl; half a line is waited for, a damaged one is named', async () => {
  const file = join(checkpoints, 'plane', 'metrics.jsonl')
  const before = readFileSync(file, 'utf8')
  const { lines } = await document<MetricsOf>('runs/plane/metrics.json')
  expect(lines).toEqual(
    before
      .trimEnd()
      .split('\n')
      .map(text => JSON.parse(text)),
  )
  const next = JSON.stringify({ ...JSON.parse(before.trimEnd().split('\n')[1] ?? ''), epoch: 3 })
  appendFileSync(file, next.slice(0, 20))
  expect((await document<MetricsOf>('runs/plane/metrics.json')).lines).toHaveLength(2)
  appendFileSync(file, `${next.slice(20)}\n`)
  expect((await document<MetricsOf>('runs/plane/metrics.json')).lines).toHaveLength(3)
  appendFileSync(file, '{"epoch": 4\n')
  const damaged = await document<MetricsOf>('runs/plane/metrics.json')
  expect(damaged.lines).toHaveLength(3)
  expect(damaged.error).toMatch(/metrics\.jsonl: line 4 is not a JSON object/)
  writeFileSync(file, before)
  expect(await document<MetricsOf>('runs/plane/metrics.json')).toMatchObject({ lines })
})

test('images as the model reads them are those that `evaluate --save` writes', async () => {
  succeed('evaluate', 'plane', '--images', '5', '--samples', '2', '--save', 'values.safetensors', '--compile', 'off')
  const file = readFileSync(join(home, 'values.safetensors'))
  const size = Number(file.readBigUInt64LE(0))
  const [from = 0] = JSON.parse(file.toString('utf8', 8, 8 + size)).x.data_offsets
  const x = file.subarray(8 + size + from, 8 + size + from + 5 * 784)
  const block = new Uint8Array(await (await get('api/runs/plane/images/test/read/0.bin')).arrayBuffer())
  expect(block.length).toBe(100 * 784)
  expect([...block.subarray(0, 5 * 784)].map(level => level / 255)).toEqual([...x])
  expect(await document<ImagesOf>('runs/plane/images/test.json')).toMatchObject({
    count: 120,
    rows: 28,
    columns: 28,
    channels: 1,
    block: 100,
  })
})

test('networks and tensors are those of the snapshot', async () => {
  const { label, networks, snapshot } = await document<ModelOf>('runs/plane/model.json')
  expect([networks, snapshot]).toEqual([['decoder', 'encoder'], 'best'])
  const weights = Buffer.from(await (await get(`api/runs/plane/networks/${label}/decoder/weights.bin`)).arrayBuffer())
  expect(weights.equals(readFileSync(join(checkpoints, 'plane/best/decoder/weights.bin')))).toBe(true)
  const { tensors } = await document<TensorsOf>('runs/mixture/tensors/best.json')
  const index = tensors.findIndex(({ name }: { name: string }) => name === 'weights')
  const values = new Float32Array(await (await get(`api/runs/mixture/tensors/best/${index}.bin`)).arrayBuffer())
  expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5)
  expect((await document<{ error: string }>('runs/mixture/model.json')).error).toContain('has no encoder')
})

test.each([
  ['without the token', () => statusOf('/')],
  ['with a wrong token', () => statusOf(`/${'x'.repeat(32)}/`)],
  ['with the Host of another server', () => statusOf(token(), { headers: { Host: 'evil.example' } })],
  [
    'from another site',
    () =>
      statusOf(`${token()}api/runs.json`, { headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'cors' } }),
  ],
  [
    'with the Origin of another site',
    () => statusOf(`${token()}api/runs.json`, { headers: { Origin: 'http://evil.example' } }),
  ],
  ['that would write', () => statusOf(`${token()}api/runs.json`, { method: 'POST' })],
  ['with a body', () => statusOf(token(), { headers: { 'Content-Length': '5' } })],
  ['with ..', () => statusOf(`${token()}../../etc/passwd`)],
  ['with an encoded ..', () => statusOf(`${token()}api/runs/%2e%2e/config.json`)],
  ['with an encoded /', () => statusOf(`${token()}api/runs/plane%2f..%2f..%2fetc/config.json`)],
  [
    'for a file of a run that is not served',
    () => statusOf(`${token()}api/runs/plane/networks/step-00000018/../../lock`),
  ],
  ['with a long address', () => statusOf(`${token()}${'a'.repeat(6000)}`)],
  ['with headers of 100 KB', () => statusOf(token(), { headers: { 'X-Long': 'a'.repeat(100_000) } })],
])('a request %s is refused', async (_, status) => {
  expect(await status()).toBeGreaterThanOrEqual(400)
})

test('a link in a run to a file elsewhere is not followed', async () => {
  const secret = join(home, 'secret')
  writeFileSync(secret, 'secret')
  symlinkSync(secret, join(checkpoints, 'plane', 'images', 'samples-epoch-0099.png'))
  expect((await get('api/runs/plane/pictures/samples-epoch-0099.png')).status).toBe(404)
  const { samples } = await document<PicturesOf>('runs/plane/pictures.json')
  expect((await get(`api/runs/plane/pictures/${samples[0]?.file}`)).status).toBe(200)
  rmSync(join(checkpoints, 'plane', 'images', 'samples-epoch-0099.png'))
})

test('answers have strict headers', async () => {
  const { headers } = await get('')
  expect(headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(headers.get('content-security-policy')).not.toContain('unsafe-inline')
  expect(headers.get('referrer-policy')).toBe('no-referrer')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
})

test('headers of 10 MB and a thousand requests at once do not bring it down', async () => {
  const { hostname, port } = new URL(server.address)
  await new Promise<void>(done => {
    const socket = connect(Number(port), hostname, () => socket.write(`GET / HTTP/1.1\r\nX-Long: ${'a'.repeat(1e7)}`))
    socket.on('error', () => done())
    socket.on('close', () => done())
    socket.resume()
  })
  const statuses = await Promise.all(
    Array.from({ length: 1000 }, () => statusOf(`${token()}api/about.json`).catch(() => 0)),
  )
  expect(statuses.filter(status => status === 200).length).toBeGreaterThan(0)
  expect((await get('api/about.json')).status).toBe(200)
})

test('looking writes nothing into a run', async () => {
  const states = () =>
    readdirSync(checkpoints, { recursive: true, encoding: 'utf8' })
      .sort()
      .map(name => {
        const { size, mtimeMs } = statSync(join(checkpoints, name), { throwIfNoEntry: false }) ?? {}
        return `${name} ${size} ${mtimeMs}`
      })
  const before = states()
  for (const path of [
    'runs.json',
    'runs/plane/model.json',
    'runs/plane/pictures.json',
    'runs/plane/images/test.json',
    'runs/mixture/tensors/best.json',
  ])
    expect((await get(`api/${path}`)).status).toBe(200)
  expect(states()).toEqual(before)
})

test('--export writes the same documents without paths of this machine, and overwrites nothing', async () => {
  const folder = join(temporaryFolder(), 'page')
  expect(succeed('explore', 'plane', '--export', folder, '--export-images', '100')).toContain('first 100 test images')
  const read = (path: string) => readFileSync(join(folder, path), 'utf8')
  expect(JSON.parse(read('api/runs/plane/images/test.json'))).toMatchObject({ count: 100 })
  expect(JSON.parse(read('api/runs/plane/metrics.json')).lines).toHaveLength(2)
  const { label } = JSON.parse(read('api/runs/plane/model.json'))
  expect(
    readFileSync(join(folder, `api/runs/plane/networks/${label}/encoder/weights.bin`)).equals(
      readFileSync(join(checkpoints, 'plane/best/encoder/weights.bin')),
    ),
  ).toBe(true)
  for (const path of ['api/about.json', 'api/runs.json', 'api/runs/plane/model.json'])
    expect(read(path)).not.toContain(home)
  refused(2, 'is not empty', 'explore', 'plane', '--export', folder)
  refused(2, 'runs to export are missing', 'explore', '--export', join(folder, 'other'))
})

test('addresses that other machines reach are refused, and so are runs that are not there', () => {
  refused(2, 'a loopback address', 'explore', '--host', '0.0.0.0')
  refused(2, "there is no run 'nothing'", 'explore', 'nothing')
})

test('a port that is taken is an error of one line; Ctrl-C ends it with exit code 0', async () => {
  refused(1, 'another program uses this port', 'explore', '--port', new URL(server.address).port)
  const other = await startExplore(home)
  expect(new URL(other.address).pathname).not.toBe(token())
  expect(await other.stop()).toBe(0)
})

test('a run that is deleted is said to be', async () => {
  rmSync(join(checkpoints, 'broken'), { recursive: true })
  const { status, error } = await get('api/runs/broken/metrics.json').then(async response => ({
    status: response.status,
    ...((await response.json()) as { error: string }),
  }))
  expect([status, error]).toEqual([404, expect.stringContaining("there is no run 'broken'")])
})
