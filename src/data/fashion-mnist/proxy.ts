import type { Agent } from 'node:http'
import { getProxyForUrl } from 'proxy-from-env'

/** The proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name for an address, without its password; undefined if none. */
export function proxyFor(url: string): string | undefined {
  const proxy = getProxyForUrl(url)
  if (proxy === '') return undefined
  if (!URL.canParse(proxy)) return proxy
  const { protocol, host } = new URL(proxy)
  return `${protocol}//${host}`
}

/** What asks through that proxy. */
export async function proxyAgent(url: URL): Promise<Agent | undefined> {
  const proxy = getProxyForUrl(url.href)
  if (proxy === '') return undefined
  if (url.protocol === 'https:') return new (await import('https-proxy-agent')).HttpsProxyAgent(proxy)
  return new (await import('http-proxy-agent')).HttpProxyAgent(proxy)
}
