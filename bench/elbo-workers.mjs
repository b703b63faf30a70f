// elbo's training step on several workers of one machine as a candidate of bench/peers.mjs, a thread each: node bench/elbo-workers.mjs 2
const { hidden, latent, batch } = JSON.parse(process.env.BENCH_MODEL)
const config = { hidden, latentDim: latent, batchSize: batch }
const work = {
  ...{ backend: 'tensorflow', mode: 'xla', precision: 'float32', config },
  options: { debug: false, threads: 1 },
}
const program = new URL('../dist/commands/bench/worker.js', import.meta.url).pathname
process.argv[2] = JSON.stringify({ program, work, count: Number(process.argv[2]), isCluster: true })
await import('../dist/commands/bench/team.js')
