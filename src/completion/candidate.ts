/** One way to go on with the word under the cursor. */
export interface Candidate {
  /** The whole word, not only what is missing of it. */
  readonly value: string
  /** `file` and `folder` tell shells that it is one. */
  readonly description: string
}
