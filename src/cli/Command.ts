/** What `main` needs of a command. */
export interface Command {
  /** Ends with a newline. */
  readonly help: string;
  /** `args` without the command's name. Prints its result; throws StudioError, or an AbortError once `signal` is. */
  run(args: readonly string[], signal: AbortSignal): Promise<void>;
}
