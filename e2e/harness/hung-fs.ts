import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('./hung-fs.c', import.meta.url));

/** A mounted file system in memory that stops answering on demand (`hung-fs.c`). */
export class HungFs {
  readonly path: string;
  readonly #daemon: ChildProcess;

  private constructor(path: string, daemon: ChildProcess) {
    this.path = path;
    this.#daemon = daemon;
  }

  /** Builds the daemon in `directory` where that was not done, and mounts it at `path`, which is made. */
  static async mount(directory: string, path: string): Promise<HungFs> {
    const program = join(directory, 'hung-fs');
    execFileSync('gcc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
    mkdirSync(path, { recursive: true });
    const daemon = spawn(program, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = await Promise.race([once(daemon.stdout ?? daemon, 'data'), once(daemon, 'exit')]);
    if (String(said) !== 'ready\n') throw new Error(`hung-fs ended with ${said}`);
    return new HungFs(path, daemon);
  }

  /** Nobody reads requests any more: whoever waits for an answer can still be killed. */
  stop(): void {
    this.#daemon.kill('SIGHUP');
  }

  /** Requests are read and not answered: whoever waits cannot be killed. */
  keep(): void {
    this.#daemon.kill('SIGUSR1');
  }

  goOn(): void {
    this.#daemon.kill('SIGCONT');
    this.#daemon.kill('SIGUSR2');
  }

  /** Idempotent. */
  async unmount(): Promise<void> {
    this.goOn();
    spawnSync('umount', ['-l', this.path]);
    if (this.#daemon.exitCode !== null || this.#daemon.signalCode !== null) return;
    this.#daemon.kill('SIGKILL');
    await once(this.#daemon, 'exit');
  }
}
