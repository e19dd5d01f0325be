import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A local web server for one test; its address ends in a slash. */
export async function startServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Serves the files of a folder; `change` may alter what is sent for a file. */
export function serveFolder(folder: string, change = (_name: string, bytes: Buffer) => bytes): Promise<string> {
  return startServer((request, response) => {
    const name = basename(request.url ?? '')
    response.end(change(name, readFileSync(join(folder, name))))
  })
}
