import { spawn } from 'node:child_process';
import { programs } from './paths.ts';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real crictl against one socket. */
export class Crictl {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Its output; throws, with what it said, when it did not end with 0. */
  async run(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(...args);
    if (code !== 0) throw new Error(`crictl ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
    return stdout.trim();
  }

  async json<T>(verb: string, ...args: string[]): Promise<T> {
    return JSON.parse(await this.run(verb, '--output', 'json', ...args)) as T;
  }

  async try(...args: string[]): Promise<Finished> {
    return await finish(programs.crictl, this.arguments(args));
  }

  /** What crictl would be given, for tests that spawn it themselves. */
  arguments(args: readonly string[]): string[] {
    const endpoint = `unix://${this.#socket}`;
    return [
      '--config=/dev/null',
      '--timeout=60s',
      `--runtime-endpoint=${endpoint}`,
      `--image-endpoint=${endpoint}`,
      ...args,
    ];
  }
}

/** Runs a program to its end; never throws for an exit code. */
export async function finish(program: string, args: readonly string[]): Promise<Finished> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(status ?? (signal === null ? 255 : 128)));
  });
  return { code, stdout, stderr };
}
