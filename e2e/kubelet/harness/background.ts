import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** A program that runs until it is stopped, with its output in a file. */
export class BackgroundProgram {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #logFile: string;

  constructor(logFile: string, argv: readonly string[]) {
    const [program = '', ...args] = argv;
    const log = openSync(logFile, 'a');
    this.#child = spawn(program, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#name = program;
    this.#logFile = logFile;
  }

  get log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  /** @throws with the end of its log when it has ended. */
  mustRun(): void {
    const ended = this.#child.exitCode ?? this.#child.signalCode;
    if (ended === null) return;
    throw new Error(`${this.#name} ended with ${ended}:\n${this.log.split('\n').slice(-20).join('\n')}`);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGKILL');
    await ended;
  }
}
