// Serves the page of this folder, with TF.js of this installation and a model that `elbo export` wrote.
//
//   npm install @tensorflow/tfjs@4.22.0           # whose file for browsers it serves
//   npx elbo export first --to model
//   node examples/browser/serve.mjs model 8080    # then open http://localhost:8080/
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [model = 'model', port = '8080'] = process.argv.slice(2)
const page = dirname(fileURLToPath(import.meta.url))
if (!existsSync(join(model, 'decoder/model.json'))) {
  console.error(`there is no ${join(model, 'decoder/model.json')}: write it with elbo export RUN --to ${model}`)
  process.exit(1)
}

/** What is served, and nothing else. */
const files = {
  '/': join(page, 'index.html'),
  '/sampler.js': join(page, 'sampler.js'),
  '/tf.js': createRequire(import.meta.url).resolve('@tensorflow/tfjs/dist/tf.min.js'),
  '/model/elbo.json': join(model, 'elbo.json'),
  '/model/decoder/model.json': join(model, 'decoder/model.json'),
  '/model/decoder/weights.bin': join(model, 'decoder/weights.bin'),
}
const types = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.bin': 'application/octet-stream',
}

const server = createServer(({ url }, response) => {
  const file = files[url]
  if (file === undefined) return response.writeHead(404).end()
  response.writeHead(200, { 'content-type': types[extname(file)] }).end(readFileSync(file))
})
server.listen(Number(port), '127.0.0.1', () => console.log(`http://localhost:${server.address().port}/`))
