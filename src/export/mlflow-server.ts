import { FedunifyError, messageOf } from '../errors.ts'

/** Milliseconds in which a tracking server must answer a request. */
const TIMEOUT = 30_000

/** How a tracking server wants to know who asks; MLflow's own clients read the same variables. */
export interface Credentials {
  readonly token?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** What MLflow says of an error. */
interface Refusal {
  readonly error_code?: string
  readonly message?: string
}

/** An MLflow tracking server, asked over its REST API 2.0. */
export class MlflowServer {
  readonly #base: string
  /** The address as it may be shown: without a password. */
  readonly #shown: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #signal: AbortSignal

  /** @throws FedunifyError (usage) if the address is none of a web server */
  constructor(uri: string, { token, username, password }: Credentials, signal: AbortSignal) {
    const url = URL.canParse(uri) ? new URL(uri) : undefined
    if (!url || !/^https?:$/.test(url.protocol)) {
      const hint = 'MLflow takes no files any more: start `mlflow server` and name its address'
      throw new FedunifyError(
        'E_OPTION',
        `--tracking-uri: expected http://host:port, got "${uri.replace(/\/\/[^/]*@/, '//')}"`,
        hint,
      )
    }
    const basic = (user: string, word: string) => `Basic ${Buffer.from(`${user}:${word}`).toString('base64')}`
    const [user, word] = [url.username, url.password].map(decodeURIComponent)
    url.username = ''
    url.password = ''
    this.#shown = url.href.replace(/\/+$/, '')
    this.#base = `${this.#shown}/api/2.0/mlflow/`
    const authorization =
      (user ? basic(user, word ?? '') : undefined) ??
      (token ? `Bearer ${token}` : undefined) ??
      (username ? basic(username, password ?? '') : undefined)
    this.#headers = { 'content-type': 'application/json', ...(authorization && { authorization }) }
    this.#signal = signal
  }

  /** @throws FedunifyError (data) if the server cannot be reached or refuses */
  get<T>(path: string, query: Readonly<Record<string, string>>): Promise<T | undefined> {
    return this.#ask(`${path}?${new URLSearchParams(query)}`, { method: 'GET' })
  }

  /** @throws FedunifyError (data) if the server cannot be reached or refuses */
  async post<T>(path: string, body: object): Promise<T> {
    const answer = await this.#ask<T>(path, { method: 'POST', body: JSON.stringify(body) })
    if (answer === undefined) throw this.#refused(path, 'no such thing', undefined)
    return answer
  }

  /** @returns undefined if there is nothing of that name */
  async #ask<T>(path: string, request: RequestInit): Promise<T | undefined> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(TIMEOUT)])
    let response: Response
    let text: string
    try {
      response = await fetch(this.#base + path, { ...request, headers: this.#headers, signal })
      text = await response.text()
    } catch (error) {
      this.#signal.throwIfAborted()
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
      throw this.#refused(path, messageOf(cause), 'is the server running, and is its address right?', error)
    }
    const answer = parse(text)
    if (response.ok && answer) return answer as T
    const { error_code, message } = (answer ?? {}) as Refusal
    if (error_code === 'RESOURCE_DOES_NOT_EXIST') return undefined
    const why = message ?? `${response.status} ${response.statusText}`
    const login = response.status === 401 || response.status === 403
    const hint = login
      ? 'set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD'
      : undefined
    throw this.#refused(path, why.slice(0, 500), hint)
  }

  #refused(path: string, why: string, hint: string | undefined, cause?: unknown): FedunifyError {
    const what = path.replace(/\?.*/, '')
    return new FedunifyError('E_TRACKING', `MLflow at ${this.#shown}: ${what}: ${why}`, hint, { cause })
  }
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
