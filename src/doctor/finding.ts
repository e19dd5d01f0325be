/** What was looked at, and how it is. */
export interface Finding {
  readonly subject: string
  /** A run fails with a `problem`; with a `warning` it works, or may; what is `absent` it can do without. */
  readonly status: 'ok' | 'absent' | 'warning' | 'problem'
  /** What was found, on one line. */
  readonly detail: string
  /** The one command that helps, if there is one. */
  readonly fix?: string
  /** Whether runs do without it unless they ask for it. */
  readonly optional?: true
  /** Whether a problem lies in the data or the disk (exit code 3) and not in the set-up (2). */
  readonly data?: true
}
