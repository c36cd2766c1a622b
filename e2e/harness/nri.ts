import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { programs } from './paths.ts';
import { eventually } from './pods.ts';

/** Where a server's NRI lives, apart from the server's own directory. */
export interface NriPlace {
  readonly directory: string;
  readonly socket: string;
  readonly plugins: string;
  readonly configs: string;
  readonly flags: readonly string[];
}

export function nriPlace(): NriPlace {
  const directory = mkdtempSync('/tmp/ge-nri-');
  const [socket, plugins, configs] = ['nri.sock', 'plugins', 'conf.d'].map((name) => join(directory, name));
  if (socket === undefined || plugins === undefined || configs === undefined) throw new Error('no place');
  mkdirSync(plugins);
  mkdirSync(configs);
  const flags = ['--nri-socket', socket, '--nri-plugin-dir', plugins, '--nri-plugin-config-dir', configs];
  return { directory, socket, plugins, configs, flags };
}

export function removeNriPlace(place: NriPlace): void {
  rmSync(place.directory, { recursive: true, force: true });
}

/** What the plug-in does at an event; see e2e/nri/main.go. Adjustments and updates are protobuf's JSON. */
export interface NriRule {
  readonly delay?: number;
  readonly error?: string;
  readonly exit?: boolean;
  readonly times?: number;
  readonly container?: string;
  readonly adjust?: object;
  readonly update?: readonly object[];
  readonly updateNow?: readonly object[];
}
export type NriRules = Readonly<Record<string, NriRule>>;

export interface NriEvent {
  readonly event: string;
  /** Nanoseconds. */
  readonly at: number;
  readonly error?: string;
  readonly failed?: readonly string[];
  readonly pod?: {
    readonly id: string;
    readonly name: string;
    readonly uid: string;
    readonly namespace: string;
    readonly ips?: readonly string[];
    readonly linux?: object;
  };
  readonly container?: {
    readonly id: string;
    readonly podSandboxId: string;
    readonly name: string;
    readonly state: string;
    readonly args?: readonly string[];
    readonly env?: readonly string[];
    readonly pid?: number;
    readonly exitCode?: number;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [more: string]: unknown;
}

/** A running plug-in, on the stub of NRI's own module. */
export class NriPlugin {
  readonly name: string;
  readonly #log: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  private constructor(name: string, log: string, child: ChildProcess) {
    this.name = name;
    this.#log = log;
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /** Not connected yet. `events` as NRI's own parser takes them; all without. */
  static spawn(
    place: NriPlace,
    index: string,
    name: string,
    options: { readonly rules?: NriRules; readonly events?: string } = {},
  ): NriPlugin {
    const log = join(place.directory, `${index}-${name}.log`);
    rmSync(log, { force: true });
    const { rules = {}, events = '' } = options;
    const config = { name, index, socket: place.socket, log, events, rules };
    const child = spawn(programs.nriPlugin, [], {
      env: { NRI_TEST: JSON.stringify(config) },
      stdio: ['pipe', 'ignore', process.env['TEST_LOG'] === undefined ? 'ignore' : 'inherit'],
    });
    child.stdin?.on('error', () => undefined);
    return new NriPlugin(`${index}-${name}`, log, child);
  }

  /** Connected, configured and synchronized. */
  static async start(
    ...[place, index, name, options]: Parameters<typeof NriPlugin.spawn>
  ): Promise<NriPlugin> {
    const plugin = NriPlugin.spawn(place, index, name, options);
    await plugin.wait('Synchronize');
    return plugin;
  }

  /** Everything that it was told, in order. */
  events(): NriEvent[] {
    return eventsIn(this.#log);
  }

  /** The events' names, as far as they are about this pod or container. */
  heard(id: string): string[] {
    return this.events()
      .filter(({ pod, container }) => (container ?? pod)?.id === id)
      .map(({ event }) => event);
  }

  async wait(
    name: string,
    isGood: (event: NriEvent) => boolean = () => true,
    seconds = 10,
  ): Promise<NriEvent> {
    const found = (): NriEvent | undefined =>
      this.events().findLast((event) => event.event === name && isGood(event));
    const event = await eventually(found, (value) => value !== undefined, seconds);
    if (event === undefined) throw new Error('unreachable');
    return event;
  }

  /** New rules in place of all; they hold when this returns. */
  async rules(rules: NriRules): Promise<void> {
    const before = this.events().filter(({ event }) => event === 'RulesSet').length;
    this.#child.stdin?.write(`${JSON.stringify({ rules })}\n`);
    await eventually(
      () => this.events().filter(({ event }) => event === 'RulesSet').length,
      (count) => count > before,
    );
  }

  /** Asks the runtime, by itself; its answer. */
  async update(...updates: object[]): Promise<NriEvent> {
    const before = this.events().filter(({ event }) => event === 'Updated').length;
    this.#child.stdin?.write(`${JSON.stringify({ update: updates })}\n`);
    const answers = await eventually(
      () => this.events().filter(({ event }) => event === 'Updated'),
      (all) => all.length > before,
    );
    const answer = answers.at(-1);
    if (answer === undefined) throw new Error('unreachable');
    return answer;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its end, whoever brings it about. */
  get exited(): Promise<void> {
    return this.#exited;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(): Promise<void> {
    if (this.isRunning) this.#child.kill('SIGKILL');
    if (this.isRunning) await this.#exited;
  }
}

export function eventsIn(log: string): NriEvent[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as NriEvent);
}
