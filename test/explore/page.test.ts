// The page of `elbo explore` in Chromium: its numbers are those of the command line, it follows trainings, and anyone can use it.
import { cpSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commandLine } from '../support/command-line.js'
import { type Explore, serveFiles, startExplore } from '../support/explore.js'
import { smallMnist } from '../support/idx-file.js'
import { noBrowser, openBrowser, openPage, violationsOn } from '../support/page.js'

const hostile = '<img src=x onerror=alert(1)>"\'\u0007'

/** The runs that the page shows, by name. */
const flagsOf = {
  plane: ['--latent-dim', '2'],
  many: ['--latent-dim', '5'],
  layers: [...['--latent-dim', '4', '--upper-latent-dim', '2', '--upper-hidden', '6'], ...['--kl', 'monte-carlo']],
  binary: [
    ...['--latents', 'bernoulli', '--latent-dim', '4', '--estimator', 'score', '--samples', '2'],
    ...['--baseline', 'leave-one-out'],
  ],
  conv: [
    ...['--latent-dim', '2', '--filters', '4,6', '--likelihood', 'continuous-bernoulli'],
    ...['--binarize', 'none'],
  ],
  classes: ['--latent-dim', '2', '--condition', 'label'],
}

const posterior = (run: string, image: number, ...flags: string[]) => [
  ...['posterior', run, '--images', String(image), ...flags],
  ...['--compile', 'off'],
]
const evaluate = (run: string) => ['evaluate', run, '--images', '1', '--samples', '5000', '--compile', 'off']
const score = (run: string) => ['score', run, '--samples', '10', '--compile', 'off']

/** A number of nats as the page prints it. */
const printed = (nats: number | undefined) => (nats ?? Number.NaN).toFixed(2).replace('-', '\u2212')

/** What the command line is asked of the runs, in one process before all tests. */
const questions = {
  runs: ['runs'],
  plane: posterior('plane', 0, '--grid', '201'),
  conv: posterior('conv', 3, '--grid', '201'),
  classes: posterior('classes', 3, '--grid', '201'),
  many: evaluate('many'),
  layers: evaluate('layers'),
  binary: evaluate('binary'),
  dimensions: ['traverse', 'many', '--images', '120', '--compile', 'off'],
  worst: score('many'),
  worstOfClasses: score('classes'),
}

/** The JSON documents of the answers, as far as the tests read them. */
type Said = Record<'plane' | 'conv' | 'classes', { images: { elbo: number; logPx: number }[] }> &
  Record<'many' | 'layers' | 'binary', Record<'elbo' | 'logPx', { mean: number }>> &
  Record<'worst' | 'worstOfClasses', { lowest: { index: number; score: number }[] }> & {
    runs: { name: string; best: { validationBound: number } }[]
    dimensions: { dimensions: { dimension: number; kl: number }[] }
  }

const skipped = noBrowser === undefined ? '' : ` (skipped: ${noBrowser})`

describe.skipIf(noBrowser !== undefined)(`in Chromium${skipped}`, () => {
  const { home, checkpoints, succeed, elbo, together } = commandLine()
  const small = ['--hidden', '16', '--epochs', '2', '--compile', 'off', '--batch-size', '50']
  let server: Explore
  let browser: Browser
  /** What the command line says of the runs. */
  let said: Said

  beforeAll(async () => {
    const data = smallMnist(600, 120, { labels: true })
    const trainings = Object.entries(flagsOf).map(([run, flags]) => [
      ...['train', '--run', run, '--data', data],
      ...[...small, ...flags],
    ])
    const ended = together([...trainings, ...Object.values(questions).map(question => [...question, '--json'])])
    for (const { status, stderr } of ended) expect(status, stderr).toBe(0)
    const answers = ended.slice(trainings.length).map(({ stdout }) => JSON.parse(stdout))
    said = Object.fromEntries(Object.keys(questions).map((name, i) => [name, answers[i]])) as Said
    cpSync(join(checkpoints, 'plane'), join(checkpoints, 'damaged'), { recursive: true, verbatimSymlinks: true })
    truncateSync(join(checkpoints, 'damaged', 'latest', 'state.safetensors'), 100)
    mkdirSync(join(checkpoints, hostile))
    writeFileSync(join(checkpoints, hostile, 'config.json'), JSON.stringify({ data: '</script><b>bold</b>' }))
    server = await startExplore(home)
    browser = await openBrowser()
  })

  afterAll(async () => {
    await browser?.close()
    await server?.stop()
  })

  const open = (hash: string, options = {}) => openPage(browser, server.address, hash, options)
  /** A number of the identity, as it stands on the page. */
  const term = async (page: Page, name: string) =>
    Number((await page.locator(`[data-term=${name}]`).textContent())?.replace('\u2212', '-'))
  /** ELBO and log p(x) on the page are those of the command line, within a tolerance in nats. */
  const expectTerms = async (page: Page, expected: { elbo: number; logPx: number } | undefined, tolerance: number) => {
    for (const name of ['elbo', 'logPx'] as const)
      expect(Math.abs((await term(page, name)) - (expected?.[name] ?? Number.NaN)), name).toBeLessThan(tolerance)
  }
  const drawn = (page: Page, text: string) => page.locator('[data-status=posterior]', { hasText: text }).waitFor()

  test('the first page has the runs, their best bounds and their curves, and no error on the console', async () => {
    const { page, errors: wrong } = await open('')
    const bound = said.runs.find(({ name }) => name === 'plane')?.best.validationBound
    await page.locator('tr[data-run=plane]', { hasText: printed(bound) }).waitFor()
    await page.locator('path[data-run=plane]').first().waitFor({ state: 'attached' })
    expect(wrong).toEqual([])
    await page.context().close()
  })

  test('on a phone a row of the table is a line high and shows the bound, however long the names of other runs are', async () => {
    const { page } = await open('', { viewport: { width: 390, height: 844 } })
    const bound = page.locator('tr[data-run=plane] td.number').nth(1)
    const { x, width, height } = (await bound.boundingBox()) ?? { x: 0, width: 0, height: 0 }
    expect(width).toBeGreaterThan(0)
    expect(x + width).toBeLessThan(390)
    expect(height).toBeLessThan(50)
    await page.context().close()
  })

  test('names and settings with HTML are text, and a damaged run shows its error', async () => {
    const { page, errors: wrong } = await open('')
    await page.locator('tr', { hasText: '<img src=x onerror=alert(1)>' }).waitFor()
    expect(await page.locator('img[src=x]').count()).toBe(0)
    await page.locator('tr[data-run=damaged] [role=alert]', { hasText: 'state.safetensors' }).waitFor()
    await page.goto(`${server.address}#view=posterior&run=damaged`)
    await page.locator('[role=alert]', { hasText: 'state.safetensors' }).first().waitFor()
    expect(wrong.filter(text => !text.includes('422'))).toEqual([])
    await page.context().close()
  })

  test('ELBO, gap and log p(x) of test image 0 by quadrature are those of `posterior`', async () => {
    const { page, errors: wrong } = await open('view=posterior&run=plane&image=0')
    await drawn(page, 'By quadrature')
    await expectTerms(page, said.plane.images[0], 1.5e-3)
    const [logPx, elbo, gap] = [await term(page, 'logPx'), await term(page, 'elbo'), await term(page, 'gap')]
    expect(elbo + gap).toBeCloseTo(logPx, 6)
    expect((await term(page, 'reconstruction')) - (await term(page, 'kl'))).toBeCloseTo(elbo, 6)
    expect(wrong).toEqual([])
    await page.context().close()
  })

  test.each(['many', 'layers', 'binary'] as const)(
    'ELBO and importance-sampled log p(x) of run %s are those of `evaluate`',
    async run => {
      const { page, errors: wrong } = await open(`view=posterior&run=${run}&image=0`)
      await drawn(page, '5,000 draws')
      const { elbo, logPx } = said[run]
      await expectTerms(page, { elbo: elbo.mean, logPx: logPx.mean }, 1.5e-3)
      expect(wrong).toEqual([])
      await page.context().close()
    },
  )

  test('a convolutional model of grey values is integrated too', async () => {
    const { page, errors: wrong } = await open('view=posterior&run=conv&image=3')
    await drawn(page, 'By quadrature')
    await expectTerms(page, said.conv.images[0], 0.02)
    expect(wrong).toEqual([])
    await page.context().close()
  })

  test('a conditional model reads a test image with its own class, and decodes points as the chosen one', async () => {
    const { page, errors: wrong } = await open('view=posterior&run=classes&image=3&class=7')
    await drawn(page, 'By quadrature')
    await expectTerms(page, said.classes.images[0], 0.02)
    await page.goto(`${server.address}#view=plane&run=classes`)
    const image = page.locator('canvas[aria-label="The image decoded at the pointer"]')
    const pixels = () => image.evaluate(canvas => (canvas as unknown as { toDataURL(): string }).toDataURL())
    await page.locator('[data-tensors]').waitFor({ timeout: 60_000 })
    const zero = await pixels()
    await page.getByLabel('class', { exact: true }).selectOption('7')
    await page.locator('code', { hasText: 'elbo manifold classes --label 7' }).waitFor()
    await page.locator('[data-tensors]').waitFor()
    expect(await pixels()).not.toBe(zero)
    expect(page.url()).toContain('class=7')
    await page.goto(`${server.address}#view=extremes&run=classes&images=120&samples=10`)
    const first = page.locator('.scored').first()
    await first.waitFor({ timeout: 60_000 })
    expect(await first.getAttribute('data-image')).toBe(String(said.worstOfClasses.lowest[0]?.index))
    expect(wrong).toEqual([])
    await page.context().close()
  })

  test('KL of the dimensions is that of `traverse`', async () => {
    const { page, errors: wrong } = await open('view=dimensions&run=many')
    const first = page.locator('[data-kl]').first()
    await first.waitFor()
    const [largest] = said.dimensions.dimensions
    expect(await first.getAttribute('data-kl')).toBe(String(largest?.dimension))
    const kl = Number((await first.textContent())?.replace(' nats', ''))
    expect(Math.abs(kl - (largest?.kl ?? Number.NaN))).toBeLessThan(1.5e-3)
    expect(wrong).toEqual([])
    await page.context().close()
  })

  test('the worst image is that of `score`', async () => {
    const { page, errors: wrong } = await open('view=extremes&run=many&images=120&samples=10')
    const first = page.locator('.scored').first()
    await first.waitFor()
    const [lowest] = said.worst.lowest
    expect(await first.getAttribute('data-image')).toBe(String(lowest?.index))
    expect(await first.textContent()).toContain(printed(lowest?.score))
    await first.click()
    await page.locator('h2', { hasText: `test image ${lowest?.index}` }).waitFor()
    expect(wrong).toEqual([])
    await page.context().close()
  })

  test('dragging and arrow keys decode, and no tensor is left behind', async () => {
    const { page, errors: wrong } = await open('view=plane&run=plane&manifold=off')
    const plane = page.locator('svg.plane')
    await plane.waitFor()
    const place = page.locator('[data-decoded]')
    const decoded = async () => Number(await place.getAttribute('data-decoded'))
    const drag = async (times: number) => {
      const box = await plane.boundingBox()
      if (box === null) throw new Error('the plane is not there')
      await page.mouse.move(box.x + 200, box.y + 200)
      await page.mouse.down()
      for (let i = 0; i < times; i++)
        await page.mouse.move(box.x + 100 + ((37 * i) % 300), box.y + 60 + ((53 * i) % 250))
      await page.mouse.up()
    }
    /** Drags until `least` images have been decoded, however slow the machine, and then until none is on its way. */
    const dragUntil = async (least: number) => {
      await expect.poll(() => drag(20).then(decoded)).toBeGreaterThan(least)
      let last = -1
      for (let now = await decoded(); now !== last; now = await decoded()) {
        last = now
        await page.waitForTimeout(500)
      }
      return last
    }
    const before = await dragUntil(3)
    const tensors = await place.getAttribute('data-tensors')
    await dragUntil(before + 10)
    await expect.poll(() => place.getAttribute('data-tensors')).toBe(tensors)
    await plane.focus()
    const text = await place.textContent()
    await page.keyboard.press('ArrowLeft')
    await expect.poll(() => place.textContent()).not.toBe(text)
    await page.keyboard.press('Enter')
    await expect.poll(() => page.url()).toContain('pins=')
    expect(wrong).toEqual([])
    await page.context().close()
  })

  test('what cannot be shown says why', async () => {
    const { page } = await open('view=plane&run=binary')
    await page.locator('.notice', { hasText: 'binary' }).waitFor()
    await page.goto(`${server.address}#view=dimensions&run=layers`)
    await page.locator('.notice', { hasText: 'two latent layers' }).waitFor()
    await page.context().close()
  })

  test('a training in the background moves the curve and the table, in two tabs', async () => {
    cpSync(join(checkpoints, 'plane'), join(checkpoints, 'growing'), { recursive: true, verbatimSymlinks: true })
    const tabs = [await open(''), await open('')]
    for (const { page } of tabs) await page.locator('tr[data-run=growing]', { hasText: '2/2' }).waitFor()
    const result = elbo('train', '--run', 'growing', '--resume', '--epochs', '3')
    expect(result.status, result.stderr).toBe(0)
    for (const { page, errors: wrong } of tabs) {
      await page.locator('tr[data-run=growing]', { hasText: '3/3' }).waitFor()
      expect(wrong).toEqual([])
      await page.context().close()
    }
  })

  test('a run that is deleted while the page looks shows that', async () => {
    cpSync(join(checkpoints, 'many'), join(checkpoints, 'gone'), { recursive: true, verbatimSymlinks: true })
    const { page } = await open('runs=["gone"]')
    await page.locator('tr[data-run=gone]', { hasText: '2/2' }).waitFor()
    rmSync(join(checkpoints, 'gone'), { recursive: true })
    await page.locator('tr[data-run=gone] [role=alert]', { hasText: 'deleted' }).waitFor()
    await page.context().close()
  })

  test('a server that ends is said, and one that starts again at its port with another token too', async () => {
    const own = await startExplore(home)
    const { page } = await openPage(browser, own.address, '')
    await page.locator('tr[data-run=plane]').waitFor()
    await own.stop()
    await page.locator('[role=alert]', { hasText: 'does not answer' }).first().waitFor()
    const again = await startExplore(home, '--port', new URL(own.address).port)
    await page.goto(again.address)
    await page.locator('tr[data-run=plane]').waitFor()
    await again.stop()
    await page.context().close()
  })

  test('without JavaScript it says so', async () => {
    const { page } = await open('', { javaScriptEnabled: false })
    expect(await page.locator('noscript').textContent()).toContain('needs JavaScript')
    await page.context().close()
  })

  test('without any run it opens, and points to the text', async () => {
    const empty = commandLine()
    const own = await startExplore(empty.home)
    const { page, errors: wrong } = await openPage(browser, own.address, '')
    await page.getByRole('button', { name: 'The text' }).click()
    await page.locator('.tabs a[aria-current]', { hasText: 'The text' }).waitFor()
    expect(wrong).toEqual([])
    await own.stop()
    await page.context().close()
  })

  test('an export computes the same, from any web server', async () => {
    const folder = join(home, 'page')
    succeed('explore', 'plane', '--export', folder)
    const { address, close } = await serveFiles(folder)
    const { page, errors: wrong } = await openPage(browser, address, 'view=posterior&run=plane&image=0')
    await drawn(page, 'By quadrature')
    await expectTerms(page, said.plane.images[0], 1.5e-3)
    await page.goto(`${address}#view=runs`)
    await page.locator('tr[data-run=plane]').waitFor()
    expect(wrong).toEqual([])
    close()
    await page.context().close()
  })

  test.each([
    ['runs', 'view=runs', 'tr[data-run=plane]'],
    ['plane', 'view=plane&run=plane', 'svg.plane'],
    ['posterior', 'view=posterior&run=many', '[data-term=elbo]'],
    ['dimensions', 'view=dimensions&run=many', '.dimension'],
    ['extremes', 'view=extremes&run=many&images=100', '.scored'],
    ['text', 'view=text', 'main'],
  ])('axe finds nothing to complain of in %s, light and dark, on a desk and on a phone', async (_, hash, ready) => {
    const { page } = await open(hash)
    await page.locator(ready).first().waitFor()
    for (const [width, height] of [
      [1440, 900],
      [390, 844],
    ] as const)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height })
        await page.emulateMedia({ colorScheme })
        expect(await violationsOn(page), `${width} pixels wide, ${colorScheme}`).toEqual([])
      }
    await page.context().close()
  })
})
