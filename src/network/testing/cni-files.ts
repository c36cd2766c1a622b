/** Configuration files and small plug-ins that record how they were called, for tests of the CNI protocol. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NetworkConfig } from '../index.ts';

export interface RecordedCall {
  readonly type: string;
  readonly env: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, unknown>>;
}

export class CniFiles {
  readonly #confDir: string;
  readonly #binDir: string;

  constructor(config: NetworkConfig) {
    this.#confDir = config.cniConfDir;
    this.#binDir = config.cniBinDirs[0] ?? '';
    mkdirSync(this.#confDir, { recursive: true });
    mkdirSync(this.#binDir, { recursive: true });
  }

  configure(name: string, value: unknown): void {
    writeFileSync(join(this.#confDir, name), typeof value === 'string' ? value : JSON.stringify(value));
  }

  remove(name: string): void {
    rmSync(join(this.#confDir, name), { force: true });
  }

  /** A plug-in: a shell script that records its call, then runs `body` (which sees $CNI_COMMAND and $input). */
  plugin(type: string, body: string): void {
    const path = join(this.#binDir, type);
    writeFileSync(
      path,
      `#!/bin/sh
input=$(cat)
printf '%s\\t%s\\t%s\\t%s\\t%s\\t%s\\t%s\\t%s\\n' ${type} "$CNI_COMMAND" "$CNI_CONTAINERID" "$CNI_NETNS" "$CNI_IFNAME" \\
  "$CNI_ARGS" "$CNI_PATH" "$input" >> ${this.#log}
${body}
`,
    );
    chmodSync(path, 0o755);
  }

  get #log(): string {
    return join(this.#binDir, 'calls');
  }

  /** The calls since the last time that they were taken. */
  take(): RecordedCall[] {
    if (!existsSync(this.#log)) return [];
    const lines = readFileSync(this.#log, 'utf8').trim().split('\n');
    rmSync(this.#log);
    return lines.map((line) => {
      const [type = '', command = '', id = '', netns = '', ifname = '', args = '', path = '', config = ''] =
        line.split('\t');
      return {
        type,
        env: { command, id, netns, ifname, args, path },
        config: JSON.parse(config) as RecordedCall['config'],
      };
    });
  }
}

/** The `type.COMMAND` of each, in order. */
export function names(calls: readonly RecordedCall[]): string[] {
  return calls.map((call) => `${call.type}.${call.env['command']}`);
}
