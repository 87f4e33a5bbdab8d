export interface FoundEngine {
  readonly name: 'docker' | 'podman'
  /** The address of its API, if it already serves one. */
  readonly host: string | undefined
  /** Its command-line tool. */
  readonly program: string | undefined
}

export declare const findEngine: () => FoundEngine | undefined
