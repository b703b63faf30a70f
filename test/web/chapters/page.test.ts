// The chapters in a real browser: what their controls do to their numbers, by mouse and by keyboard.
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { streamKey } from '../../../src/random.js'
import { clouds } from '../../../src/web/chapters/numbers/gradient-clouds.js'
import { klFromP, update } from '../../../src/web/chapters/numbers/mean-field.js'
import { drawPoints, truth } from '../../../src/web/chapters/numbers/mixture.js'
import { drawMany, exactMoments, hiddenOf, runningEstimates } from '../../../src/web/chapters/numbers/monte-carlo.js'
import { ascend, logJoint, partsOf } from '../../../src/web/chapters/numbers/one-dimension.js'
import { noBrowser, type Served, servePage } from '../../support/page.js'

const chapters = ['bound', 'em', 'monte-carlo', 'mean-field', 'gradients', 'vae']

describe.skipIf(noBrowser !== undefined)(noBrowser ? `the chapters (skipped: ${noBrowser})` : 'the chapters', () => {
  let served: Served
  beforeAll(async () => {
    served = await servePage()
  })
  afterAll(() => served?.close())

  const open = async (chapter: string, more = '', options = {}) =>
    served.open(`view=text&chapter=${chapter}${more}`, options)

  /** The text of a number beside a figure. */
  const reading = (page: Page, name: string) => page.locator(`[data-reading="${name}"]`).first().innerText()

  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()

  /** The number of a reading, whose minus sign is a proper one. */
  const value = async (page: Page, name: string) =>
    Number.parseFloat((await reading(page, name)).replace('\u2212', '-'))

  test.each(chapters)('%s opens without errors, fits a phone, and axe finds nothing', async chapter => {
    const { page, errors } = await open(chapter, '', { viewport: { width: 360, height: 740 } })
    await page.locator('.figure svg path').first().waitFor({ state: 'attached' })
    expect(await page.locator('.katex-html').count()).toBeGreaterThan(1)
    // Equations are as wide as their fonts make them, and the page sees that a frame later.
    await page.evaluate(
      'document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(() => setTimeout(done))))',
    )
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    expect(await served.violations(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await served.violations(page, 'color-contrast')).toEqual([])
    expect(errors).toEqual([])
    await page.close()
  })

  test('the arrow keys move q, and the three numbers are those of the identity', async () => {
    const { page } = await open('bound')
    const slider = page.getByRole('slider', { name: 'mean of q' })
    await slider.focus()
    for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowRight')
    const { elbo, gap, logPx } = partsOf('square', 3, { mean: 0.65, sd: 0.7 })
    expect(await value(page, 'elbo')).toBeCloseTo(elbo, 3)
    expect(await value(page, 'gap')).toBeCloseTo(gap, 3)
    expect(await value(page, 'logPx')).toBeCloseTo(logPx, 3)
    expect(await slider.getAttribute('aria-valuetext')).toBe('0.65')
    await press(page, 'Best q from here')
    expect(await value(page, 'gap')).toBeCloseTo(
      partsOf('square', 3, ascend('square', 3, { mean: 0.65, sd: 0.7 }, 400)).gap,
      3,
    )
    await page.close()
  })

  test('a downloaded figure stands alone: its colours and fonts need no style sheet of the page', async () => {
    const { page } = await open('bound')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download The chord lies below the curve as SVG' }).click(),
    ])
    const text = readFileSync(await download.path(), 'utf8')
    expect(text).toContain('log of the mean')
    expect(text).not.toMatch(/var\(--|class=|style=/)
    await page.close()
  })

  test('q is dragged by the mouse, and the address keeps it', async () => {
    const { page } = await open('bound', '&bound-model=line&bound-x=1')
    const handle = page.locator('.figure').nth(1).locator('circle.handle').nth(1)
    await handle.scrollIntoViewIfNeeded()
    const { x, y, width, height } = (await handle.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 }
    await page.mouse.move(x + width / 2, y + height / 2)
    await page.mouse.down()
    await page.mouse.move(x + width / 2 + 60, y + height / 2, { steps: 4 })
    await page.mouse.up()
    const mean = Number.parseFloat(await page.getByRole('slider', { name: 'mean of q' }).inputValue())
    expect(mean).toBeGreaterThan(1)
    const shown = await reading(page, 'elbo')
    expect(await value(page, 'elbo')).toBeCloseTo(partsOf('line', 1, { mean, sd: 0.7 }).elbo, 3)
    await expect.poll(() => page.url()).toContain(`bound-mean=${mean}`)
    await page.reload()
    expect(await reading(page, 'elbo')).toBe(shown)
    await page.close()
  })

  test('E closes the gap, M raises log p(x), by the keyboard alone', async () => {
    const { page } = await open('em')
    await expect.poll(() => reading(page, 'step')).toBe('0')
    const before = await value(page, 'logPx')
    await page.getByRole('button', { name: 'E step', exact: true }).focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => reading(page, 'step')).toBe('1')
    expect(await value(page, 'gap')).toBe(0)
    expect(await value(page, 'elbo')).toBeCloseTo(before, 4)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await expect.poll(() => reading(page, 'step')).toBe('2')
    expect(await value(page, 'logPx')).toBeGreaterThan(before)
    expect(await value(page, 'gap')).toBeGreaterThan(0)
    expect(await value(page, 'elbo')).toBeGreaterThan(before)
    await page.close()
  })

  test('an address with half steps shows them again', async () => {
    const { page } = await open('em', '&em-steps=6')
    await expect.poll(() => reading(page, 'step')).toBe('6')
    await page.close()
  })

  test('the estimate after 1,100 draws is that of the same draws here', async () => {
    const { page } = await open('monte-carlo')
    await press(page, 'Draw 1,000')
    expect(await reading(page, 'count')).toBe('1100')
    const hidden = hiddenOf(drawPoints(truth, streamKey(1, 'points'), 60), truth)
    const last = runningEstimates(drawMany(hidden, streamKey(1, 'draws of z'), 0, 1100), 1).at(-1)
    expect(await value(page, 'estimate')).toBeCloseTo(last?.mean ?? 0, 4)
    expect(await value(page, 'exact')).toBeCloseTo(exactMoments(hidden).mean, 4)
    await page.close()
  })

  test('an update of q₁ lowers KL to what the formula says', async () => {
    const { page } = await open('mean-field')
    await press(page, 'Update q₁')
    const q = update({ means: [-2, 2], variances: [1, 1] }, 0, 0.85)
    expect(await value(page, 'kl')).toBeCloseTo(klFromP(q, 0.85), 4)
    await press(page, 'Run')
    await expect.poll(() => value(page, 'kl')).toBeCloseTo(-Math.log(1 - 0.85 ** 2) / 2, 4)
    await page.close()
  })

  test('a lower likelihood widens the cloud of the score function, and not the other', async () => {
    const { page } = await open('gradients')
    const options = { key: streamKey(1, 'gradients'), count: 500, draws: 10, baseline: 'none' } as const
    const drawn = clouds(logJoint('square', 3), { mean: 0.8, sd: 0.5 }, options)
    expect(await value(page, 'score-mean-variance')).toBeCloseTo(drawn.score.mean.variance, 1)
    const before = await reading(page, 'path-mean-variance')
    await page.getByRole('slider', { name: 'likelihood lower by' }).focus()
    await page.keyboard.press('End')
    expect(Number((await reading(page, 'score-mean-variance')).replaceAll(',', ''))).toBeGreaterThan(1000)
    expect(await reading(page, 'path-mean-variance')).toBe(before)
    await page.getByRole('combobox', { name: 'baseline' }).selectOption('mean')
    expect(await value(page, 'score-mean-variance')).toBeLessThan(20)
    await page.close()
  })

  test('the VAE takes a step, and its ELBO is the reconstruction minus KL', async () => {
    const { page, errors } = await open('vae', '&backend=cpu&vae-data=moons')
    await expect.poll(() => reading(page, 'step')).toBe('0')
    const before = await reading(page, 'elbo')
    await press(page, 'One step')
    await expect.poll(() => reading(page, 'step')).toBe('1')
    expect(await reading(page, 'elbo')).not.toBe(before)
    expect((await value(page, 'reconstruction')) + (await value(page, 'kl'))).toBeCloseTo(await value(page, 'elbo'), 1)
    expect(errors).toEqual([])
    await page.close()
  })
})
