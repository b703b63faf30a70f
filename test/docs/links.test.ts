// Every relative link of the README, the documents and the examples leads to a file, and to a heading of it.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { repository } from '../support/repository.js'

const within = (folder: string): string[] =>
  readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' }).map(name => join(folder, name))

const pages = [...readdirSync(repository), ...within('docs'), ...within('examples')]
  .filter(name => /\.(md|html)$/.test(name) && !name.startsWith('docs/reference/'))
  .sort()

/** The text without blocks and spans of code. */
const prose = (page: string): string =>
  readFileSync(join(repository, page), 'utf8').replaceAll(/^```[\s\S]*?^```$|`[^`\n]*`/gm, '')

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const text = readFileSync(join(repository, page), 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '')
  const titles = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title)
  return new Set(
    titles.map(title =>
      title
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/** Targets in links, images and HTML attributes that are not addresses of the web. */
const linksOf = (page: string): string[] =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)]
    .map(([, markdown, html]) => markdown ?? html ?? '')
    .filter(target => !/^[a-z]+:/.test(target))

test('there are documents', () => {
  expect(pages).toContain('README.md')
  expect(pages.length).toBeGreaterThan(20)
})

describe.each(pages)('%s', page => {
  test('its links lead somewhere', () => {
    // Served to the browser under this name: see serve.mjs.
    const links = linksOf(page).filter(target => target !== 'tf.js')
    const broken = links.filter(target => {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? join(repository, page) : join(repository, dirname(page), path)
      if (!existsSync(file) || relative(repository, file).startsWith('..')) return true
      return (
        anchor !== undefined && (statSync(file).isDirectory() || !anchorsOf(relative(repository, file)).has(anchor))
      )
    })
    expect(broken).toEqual([])
  })
})

test('docs/README.md leads to every document', () => {
  const linked = linksOf('docs/README.md').map(target => join('docs', target))
  const documents = pages.filter(page => page.startsWith('docs/') && page !== 'docs/README.md')
  expect(documents.filter(page => !linked.includes(page))).toEqual([])
})

test('every image of the documents is shown in one', () => {
  const shown = new Set(pages.flatMap(page => linksOf(page).map(target => join(dirname(page), target))))
  const images = readdirSync(join(repository, 'docs/images')).map(name => join('docs/images', name))
  expect(images.filter(image => !shown.has(image))).toEqual([])
})
