// `elbo runs` and `elbo check` on runs that are damaged or of other people.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { commandLine } from '../support/command-line.js'
import { trainFirst } from './first-run.js'

const line = commandLine()
const { home, checkpoints, elbo, json, refused } = line

beforeAll(() => void trainFirst(line, '--compile', 'off'))

/** A folder with a copy of the first run. */
function copyOfFirst(name: string): string {
  const folder = join(home, name)
  cpSync(join(checkpoints, 'first'), join(folder, 'first'), { recursive: true, verbatimSymlinks: true })
  return folder
}

test('runs reads headers alone, and says what is missing; check reads everything', () => {
  const folder = copyOfFirst('lost')
  rmSync(join(folder, 'first', 'best'))
  const state = readFileSync(join(folder, 'first', 'latest', 'state.safetensors'))
  state.fill(0xff, state.length - 100)
  writeFileSync(join(folder, 'first', 'latest', 'state.safetensors'), state)
  expect(json('runs', '--checkpoints', folder)).toMatchObject([{ name: 'first', epoch: 2, missing: ['best'] }])
  refused(1, 'first/best: the snapshot is missing', 'evaluate', 'first', '--checkpoints', folder)
  const { status, stdout } = elbo('check', 'first', '--checkpoints', folder)
  expect(stdout).toContain("state.safetensors: tensor 'optimizer/adam/v/decoder/logits/bias'")
  expect(stdout).toContain('--resume would be refused: first/snapshots/')
  expect(status).toBe(1)
  expect(json('check', 'first')).toMatchObject({ whole: true, checked: [{ name: 'first', locked: false }] })
})

test('control characters of a run are never printed raw', () => {
  const config = JSON.parse(readFileSync(join(checkpoints, 'first', 'config.json'), 'utf8'))
  const folder = copyOfFirst('foreign')
  writeFileSync(join(folder, 'first', 'config.json'), JSON.stringify({ ...config, data: '\x1b]0;title\x07\u009b' }))
  expect(elbo('runs', '--checkpoints', folder).stdout).toContain('\\x1b]0;title\\x07\\x9b')
  expect(elbo('evaluate', 'first', '--checkpoints', folder).stderr).toContain(
    "images '\\x1b]0;title\\x07\\x9b': no such file",
  )
  expect(json('runs', '--checkpoints', folder)[0].config.data).toBe('\x1b]0;title\x07\u009b')
})

test('long values are shortened, and deep JSON is refused, in one line', () => {
  const nines = '9'.repeat(5000)
  const shown = `--epochs ${'9'.repeat(40)}… (5001 characters) …${'9'.repeat(19)}x: a whole`
  refused(2, shown, 'train', '--epochs', `${nines}x`)
  writeFileSync(join(home, 'deep.json'), '['.repeat(100_000))
  refused(2, 'deep.json: JSON nested deeper than 64 levels', 'train', '--config', 'deep.json')
})
