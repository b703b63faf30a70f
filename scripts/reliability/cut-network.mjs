// Cuts the network between two workers while they train: node scripts/reliability/cut-network.mjs --help
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const HELP = `Usage: node scripts/reliability/cut-network.mjs [options]

Makes two network namespaces of Linux, hosts with addresses of their own and a cable between them, and trains a small VAE on a worker in each. After
its second epoch the cable is cut, without a word to either. Checks: both workers end within the limit, each with one line that names the
other; the run is whole. Needs root, ip (iproute2), and no network 10.213.7.0/24.

  --limit SECONDS  (default: 60)
  --help           show this help

Run once before: npm run setup`

const { values: options } = parseArgs({
  options: { limit: { type: 'string', default: '60' }, help: { type: 'boolean', default: false } },
})

const program = join(import.meta.dirname, '../../dist/cli.js')
const hosts = [0, 1].map(index => ({
  index,
  namespace: `elbo-${process.pid}-${index}`,
  link: `elbo${index}-${process.pid}`.slice(0, 15),
  address: `10.213.7.${index + 1}`,
}))

if (options.help) console.log(HELP)
else await main()

async function main() {
  const home = mkdtempSync(join(tmpdir(), 'cut-network-'))
  try {
    connect()
    process.exitCode = (await trial(home)) ? 0 : 1
  } finally {
    for (const { namespace } of hosts) spawnSync('ip', ['netns', 'del', namespace])
    rmSync(home, { recursive: true })
  }
}

function ip(...args) {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${error?.message ?? stderr.trim()}`)
}

/** Two namespaces, and a pair of devices as the cable between them. */
function connect() {
  for (const { namespace } of hosts) ip('netns', 'add', namespace)
  ip('link', 'add', hosts[0].link, 'type', 'veth', 'peer', 'name', hosts[1].link)
  for (const { namespace, link, address } of hosts) {
    ip('link', 'set', link, 'netns', namespace)
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', link)
    ip('-n', namespace, 'link', 'set', link, 'up')
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
  }
}

/** Whether everything was as promised. */
async function trial(home) {
  const small = '--train-images 500 --validation-images 100 --hidden 8 --latent-dim 2 --batch-size 50 --threads 1'
  const cluster = hosts.map(({ address }) => `${address}:9000`).join(',')
  const args = ['train', '--run', 'cut', ...small.split(' '), '--epochs', '100000', '--images-every', '100000']
  const workers = hosts.map(({ namespace, index }) =>
    start(home, [
      'netns',
      'exec',
      namespace,
      process.execPath,
      program,
      ...args,
      '--cluster',
      cluster,
      '--task',
      String(index),
    ]),
  )
  await Promise.race([workers[0].second, ...workers.map(({ ended }) => ended)])
  ip('-n', hosts[1].namespace, 'link', 'set', hosts[1].link, 'down')
  const cutAt = performance.now()
  const timer = setTimeout(
    () => workers.forEach(({ child }) => void child.kill('SIGKILL')),
    1000 * Number(options.limit),
  )
  const ends = await Promise.all(workers.map(({ ended }) => ended))
  clearTimeout(timer)
  const isRight = ends.map(({ code, last, at }, index) => {
    const seconds = ((at - cutAt) / 1000).toFixed(1)
    console.log(`worker ${index} ended ${seconds} s after the cut with exit code ${code}: ${last}`)
    return (
      code === 1 && last.includes(`worker ${1 - index} at ${hosts[1 - index].address}:9000 is gone or does not answer`)
    )
  })
  const checked = spawnSync(process.execPath, [program, 'check', 'cut'], { cwd: home, encoding: 'utf8' })
  const isWhole = existsSync(join(home, 'checkpoints/cut/latest')) && checked.status === 0
  if (!isWhole) console.log(`check: ${checked.stdout}${checked.stderr}`)
  return isWhole && isRight.every(Boolean)
}

/** A worker; `second` resolves after its second epoch. */
function start(home, args) {
  const child = spawn('ip', args, { cwd: home })
  let errors = ''
  child.stderr.on('data', part => {
    errors += part
  })
  const second = new Promise(resolve => {
    let text = ''
    child.stdout.on('data', part => {
      text += part
      if (/epoch +2\//.test(text)) resolve()
    })
  })
  const ended = once(child, 'close').then(([code]) => ({
    code,
    last: errors.trim().split('\n').at(-1) ?? '',
    at: performance.now(),
  }))
  return { child, second, ended }
}
