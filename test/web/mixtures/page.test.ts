// Runs of mixtures and of factor analysis in a real browser: the numbers are those of the command line.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commandLine } from '../../support/command-line.js'
import { noBrowser, type Served, servePage } from '../../support/page.js'

describe.skipIf(noBrowser !== undefined)(noBrowser ? `mixtures (skipped: ${noBrowser})` : 'mixtures', () => {
  const line = commandLine()
  let served: Served
  beforeAll(async () => {
    const few = ['--train-images', '300', '--validation-images', '100', '--epochs', '2']
    line.succeed('em', 'bernoulli-mixture', '--run', 'blots', '--components', '4', ...few)
    line.succeed('em', 'factor-analysis', '--run', 'factors', '--latent-dim', '3', ...few)
    served = await servePage(join(line.home, 'checkpoints'))
  })
  afterAll(() => served?.close())

  const reading = (page: Page, name: string) => page.locator(`[data-reading="${name}"]`).first().innerText()
  const value = async (page: Page, name: string) =>
    Number.parseFloat((await reading(page, name)).replace('\u2212', '-'))

  /** log p(x) of test image `index` by `elbo score`. */
  function scored(run: string, index: number): number {
    const to = join(line.home, `${run}.csv`)
    line.succeed('score', run, '--images', '5', '--to', to)
    const rows = readFileSync(to, 'utf8').trim().split('\n')
    return Number(rows.find(row => row.startsWith(`${index},`))?.split(',')[2])
  }

  test.each(['blots', 'factors'])('log p(x) of test images of %s is that of elbo score', async run => {
    const { page, errors } = await served.open(`view=mixtures&run=${run}&image=2`)
    await expect.poll(() => reading(page, 'bound')).not.toBe('')
    expect(Math.abs((await value(page, 'bound')) - scored(run, 2))).toBeLessThan(2e-3)
    expect((await value(page, 'reconstruction')) + (await value(page, 'kl'))).toBeCloseTo(await value(page, 'bound'), 2)
    const before = await reading(page, 'bound')
    await page.getByRole('button', { name: 'next' }).click()
    await expect.poll(() => reading(page, 'bound')).not.toBe(before)
    expect(page.url()).toContain('image=3')
    expect(await served.violations(page)).toEqual([])
    expect(errors).toEqual([])
    await page.close()
  })

  test('half steps by the keyboard: E closes the gap, M raises log p(x)', async () => {
    const { page, errors } = await served.open('view=mixtures&run=blots', { viewport: { width: 360, height: 740 } })
    await expect.poll(() => reading(page, 'em-step')).toBe('0')
    const before = await value(page, 'em-logPx')
    await page.getByRole('button', { name: 'E step', exact: true }).focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => reading(page, 'em-step')).toBe('1')
    expect(await value(page, 'em-elbo')).toBeCloseTo(before, 2)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await expect.poll(() => reading(page, 'em-step')).toBe('2')
    expect(await value(page, 'em-logPx')).toBeGreaterThan(before)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    expect(errors).toEqual([])
    await page.close()
  })

  test('a run without components says so, and shows another', async () => {
    const { page } = await served.open('view=mixtures&run=nowhere')
    await page.getByText('Run nowhere has no components and no factors; run blots is shown.').waitFor()
    await page.close()
  })
})
