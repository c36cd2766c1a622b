/** What stage1 says of the host rather than of its pod: the same for every pod, and worth one line of a server's log. */
const ofTheHost = /\boom_score_adj\b/;

/** Which of stage1's warnings are news. One a server. */
export class Warnings {
  readonly #said = new Set<string>();

  /** The level to log it at: what was said of the host before is for those who look for it. */
  level(message: string): 'warn' | 'debug' {
    if (!ofTheHost.test(message)) return 'warn';
    if (this.#said.has(message)) return 'debug';
    this.#said.add(message);
    return 'warn';
  }
}
