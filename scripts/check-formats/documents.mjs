// Answers lines of JSON on standard input, `{ source, flags }`, with what `elbo data` says of the source, `{ json }`, or with its refusal, `{ error }`.
import { createInterface } from 'node:readline'
import { data } from '../../dist/commands/data.js'

const defaults = Object.fromEntries(Object.entries(data.options).map(([name, { value }]) => [name, value]))
const context = {
  print() {},
  note() {},
  signal: new AbortController().signal,
  json: true,
  debug: false,
  checkpoints: 'checkpoints',
  columns: 80,
}

async function answer({ source, flags }) {
  const input = { argument: source, arguments: [source], values: { ...defaults, ...flags }, given: flags, switches: {} }
  const { json } = await data.run(input, context)
  return { json }
}

for await (const line of createInterface({ input: process.stdin })) {
  const said = await answer(JSON.parse(line)).catch(error => ({ error: String(error.message), name: error.name }))
  process.stdout.write(`${JSON.stringify(said)}\n`)
}
