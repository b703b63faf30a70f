// Labels in CSV files: by name and in order, numbers and words, and everything that does not fit.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadDataset } from '../../../src/data/dataset.js'
import { labelsInFile } from '../../../src/data/sources/label-file.js'
import { fixture } from '../../support/sources.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { fill } from './reading.js'

function csv(...lines: string[]): string {
  const path = join(temporaryFolder(), 'labels.csv')
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}

const files = (...names: string[]) => ({ all: { count: names.length, names } })

function read(path: string, parts: Parameters<typeof labelsInFile>[1]) {
  const labels = labelsInFile(path, parts)
  return Object.fromEntries(Object.entries(labels).map(([part, { names, values }]) => [part, [names, [...values]]]))
}

test.each([
  ['whole paths', 'a/1.png'],
  ['names without folders', '1.png'],
  ['names without folders and endings', '1'],
])('files are found by %s', (_, name) => {
  const path = csv('file,label', `${name},dog`, `"${name.replace('1', '2')}","cat, small"`, 'other.png,bird')
  expect(read(path, files('a/1.png', 'a/2.png'))).toEqual({
    all: [
      ['cat, small', 'dog'],
      [1, 0],
    ],
  })
})

test('whole numbers are the classes themselves, in all parts alike; other columns are left out', () => {
  const path = csv('id,split,target', '1,a,3', '2,a,0', '3,b,1')
  const parts = { train: { count: 2, names: ['1.png', '2.png'] }, test: { count: 1, names: ['3.png'] } }
  const names = ['0', '1', '2', '3']
  expect(read(path, parts)).toEqual({ train: [names, [3, 0]], test: [names, [1]] })
})

test('of several columns that may name files the one with the plainest name is taken', () => {
  const path = csv('id,filename,label', '7,a.png,cat', '8,b.png,dog')
  expect(read(path, files('b.png', 'a.png'))).toEqual({
    all: [
      ['cat', 'dog'],
      [1, 0],
    ],
  })
})

test('two columns need no header; a byte order mark, blanks and Windows line ends do no harm', () => {
  const path = join(temporaryFolder(), 'labels.csv')
  writeFileSync(path, '\ufeff1.png, x\r\n2.png, y\r\n\r\n')
  expect(read(path, files('2.png', '1.png'))).toEqual({
    all: [
      ['x', 'y'],
      [1, 0],
    ],
  })
})

test('one column is in the order of the images, with or without a header', () => {
  for (const path of [csv('2', '0', '2'), csv('class', '2', '0', '2')])
    expect(read(path, { all: { count: 3 } })).toEqual({
      all: [
        ['0', '1', '2'],
        [2, 0, 2],
      ],
    })
  expect(read(csv('index,label', '0,5', '1,4'), { all: { count: 2 } })).toEqual({
    all: [
      ['0', '1', '2', '3', '4', '5'],
      [5, 4],
    ],
  })
})

test.each<[string, string[], Parameters<typeof labelsInFile>[1], string]>([
  ['no rows', [''], files('1.png'), 'there are no labels in this file'],
  ['too few', ['1', '2'], { all: { count: 4 } }, '2 labels, but there are 4 images'],
  ['in order, of several parts', ['1', '2'], { train: { count: 1 }, test: { count: 1 } }, 'this one has train, test'],
  ['an image without a label', ['1.png,x'], files('1.png', '2.png'), 'there is no label of 2.png'],
  ['no image at all', ['7.png,x'], files('1.png'), 'no image is named in this file; 1.png was looked for'],
  ['an empty label', ['1.png,x', '2.png,'], files('1.png', '2.png'), 'line 2 has no label'],
  ['two labels', ['1.png,x', '1.png,y'], files('1.png'), 'line 2 gives 1.png another label than a line before'],
  ['a name that two images have', ['1.png,x'], files('a/1.png', 'b/1.png'), '1.png may be a/1.png or b/1.png; give'],
  ['columns of which none are labels', ['file,x,y', '1.png,2,3'], files('1.png'), 'the columns are file, x, y; one of'],
  ['rows of several lengths', ['file,label', '1.png'], files('1.png'), 'line 2 has 1 cells, but line 1 2'],
  ['numbers beyond classes', ['900000'], { all: { count: 1 } }, 'numbers beyond its classes'],
])('refused with the file and the place: %s', (_, lines, parts, message) => {
  const path = csv(...lines)
  expect(() => labelsInFile(path, parts)).toThrow(message)
  expect(() => labelsInFile(path, parts)).toThrow(`${path}: `)
})

test('labels of a file take the place of a source’s own, and follow the images into the splits', async () => {
  const names = Array.from({ length: 12 }, (_, i) => `${i % 2 ? 'odd' : 'even'}/${i}.png`)
  const folder = fill(temporaryFolder(), Object.fromEntries(names.map(name => [name, 'grey.png'])))
  const labels = csv('file,label', ...names.map((name, i) => `${name},${i}`))
  const { train, validation, test: held } = await loadDataset(folder, 'last-sixth', { labels })
  for (const split of [train, validation, held])
    expect([...(split.labels?.values ?? [])]).toEqual(split.names?.map(name => Number(/\d+/.exec(name)?.[0])))
  expect(train.count + validation.count + held.count).toBe(12)
  const array = fixture('colour-last.npy')
  await expect(loadDataset(array, 'none', { labels: csv('1') })).rejects.toThrow('1 labels, but there are')
})
