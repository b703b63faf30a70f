// `elbo presets`: the presets of `train` and `compare`, and the settings of one.
import { expect, test } from 'vitest'
import { presets } from '../../src/methods/vae-presets.js'
import { vaeFlags } from '../../src/methods/vae-settings.js'
import { parseFlag, type Setting } from '../../src/settings/setting.js'
import { commandLine } from '../support/command-line.js'

const { succeed, json, refused } = commandLine()

test('lists every preset on a line of at most 80 columns', () => {
  const lines = succeed('presets').split('\n')
  expect(lines.filter(line => line.length > 80)).toEqual([])
  for (const name of [...Object.keys(presets), 'figure-2', 'figure-3', 'mixtures'])
    expect(lines.some(line => line.startsWith(`  ${name} `))).toBe(true)
})

test('prints the settings of a preset as flags that give the same settings, and its source', () => {
  const printed = succeed('presets', 'burda2015-2l')
  const flags = [...printed.matchAll(/^ {2}--(\S+) (\S+)$/gm)].map(([, flag = '', value = '']) => {
    const name = flag.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())
    return [name, parseFlag(name, vaeFlags[name as keyof typeof vaeFlags] as Setting<unknown>, value)]
  })
  expect(Object.fromEntries(flags)).toEqual(presets['burda2015-2l'].config)
  expect(printed).toMatch(/^source: .*arXiv:1509\.00519$/m)
})

test('under --json a document with names, settings and sources', () => {
  const all = json('presets')
  expect(all).toHaveLength(Object.keys(presets).length + 4)
  expect(json('presets', 'default').map(({ command }: { command: string }) => command)).toEqual(['train', 'compare'])
  expect(all.find(({ name }: { name: string }) => name === 'small')).toEqual({
    command: 'train',
    name: 'small',
    description: presets.small.description,
    settings: presets.small.config,
    source: null,
  })
})

test('an unknown name is refused, with the nearest one', () => {
  refused(2, "there is no preset 'smal'; did you mean small?", 'presets', 'smal')
})
