// How many images a second the page of `elbo explore` decodes while its plane is dragged, and whether tensors or memory grow.
//
//   node scripts/explore-rate.mjs RUN [--checkpoints FOLDER] [--drags 10000]
//
// Needs Chromium on the PATH. Prints one line of JSON: images per second, over the drags; tensors and megabytes of the JavaScript heap after
// the first hundredth of the drags and at the end.
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    checkpoints: { type: 'string', default: 'checkpoints' },
    drags: { type: 'string', default: '10000' },
    chromium: { type: 'string', default: 'chromium' },
  },
})
const [run] = positionals
if (run === undefined) {
  console.error('scripts/explore-rate.mjs: the name of a run is missing')
  process.exit(2)
}

const server = spawn(process.execPath, ['dist/cli.js', 'explore', run, '--checkpoints', values.checkpoints])
const address = await new Promise((done, fail) => {
  server.stdout.once('data', text => done(String(text).trim()))
  server.once('exit', code => fail(new Error(`elbo explore ended with ${code}`)))
})
const browser = await chromium.launch({
  executablePath: await which(values.chromium),
  args: ['--no-sandbox', '--enable-precise-memory-info', '--js-flags=--expose-gc'],
})
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  await page.goto(`${address}#view=plane&run=${run}`)
  await page.waitForSelector('svg.plane', { timeout: 120_000 })
  await page.waitForTimeout(5000) // the decoded background
  const drags = Number(values.drags)
  const warm = await page.evaluate(drag, Math.ceil(drags / 100))
  const result = await page.evaluate(drag, drags)
  const megabytes = bytes => Math.round(bytes / 1e5) / 10
  console.log(
    JSON.stringify({
      imagesPerSecond: Math.round(result.decoded / result.seconds),
      drags,
      tensors: [warm.tensors, result.tensors],
      heapMegabytes: [megabytes(warm.heap), megabytes(result.heap)],
    }),
  )
} finally {
  await browser.close()
  server.kill('SIGINT')
}

/** In the page: moves the pointer again as soon as the last image is there. @param {number} times */
async function drag(times) {
  const plane = document.querySelector('svg.plane')
  const place = document.querySelector('[data-decoded]')
  const box = plane.getBoundingClientRect()
  const count = () => Number(place.getAttribute('data-decoded'))
  const started = performance.now()
  const before = count()
  for (let i = 0; i < times; i++) {
    const last = count()
    const at = {
      clientX: box.left + 80 + ((37 * i) % (box.width - 120)),
      clientY: box.top + 40 + ((53 * i) % (box.height - 120)),
    }
    plane.dispatchEvent(new PointerEvent('pointermove', at))
    while (count() === last) await new Promise(done => queueMicrotask(() => setTimeout(done, 0)))
  }
  const seconds = (performance.now() - started) / 1000
  globalThis.gc?.()
  return {
    decoded: count() - before,
    seconds,
    tensors: Number(place.getAttribute('data-tensors')),
    heap: performance.memory.usedJSHeapSize,
  }
}

/** @param {string} program */
async function which(program) {
  const { execFileSync } = await import('node:child_process')
  return execFileSync('which', [program], { encoding: 'utf8' }).trim()
}
