import { describeError } from '../base/index.ts';

/** A verb: parses its own arguments, does its work, returns the process's exit code. */
export interface Verb {
  readonly summary: string;
  run(args: readonly string[]): Promise<number>;
}

/** Each verb is imported only when it is asked for: only `serve` may load gRPC and protobufjs. */
const verbs: Readonly<Record<string, () => Promise<{ verb: Verb }>>> = {
  fetch: () => import('./fetch.ts'),
  image: () => import('./image.ts'),
  serve: () => import('./serve.ts'),
  version: () => import('./version.ts'),
};

/** Runs `gantry VERB …`; errors are printed once, here. Exit codes: 0 done, 1 failed, 2 not understood. */
export async function run(argv: readonly string[]): Promise<number> {
  const [asked = 'help', ...args] = argv;
  const name = asked === '--version' ? 'version' : asked;
  if (name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(await usage());
    return 0;
  }
  const load = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (load === undefined) {
    process.stderr.write(`gantry: no verb '${name}'; 'gantry help' lists them\n`);
    return 2;
  }
  try {
    const { verb } = await load();
    return await verb.run(args);
  } catch (error) {
    process.stderr.write(`gantry ${name}: ${describeError(error)}\n`);
    return 1;
  }
}

async function usage(): Promise<string> {
  const lines = Object.entries(verbs).map(
    async ([name, load]) => `  ${name.padEnd(9)}${(await load()).verb.summary}`,
  );
  return `usage: gantry VERB [OPTION …], 'gantry VERB --help' for its options\n${(await Promise.all(lines)).join('\n')}\n`;
}
