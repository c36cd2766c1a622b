import { describeError } from '../../base/index.ts';
import type { CniNetwork } from './config.ts';

/** A plug-in's own time for STATUS. */
const PROBE_TIMEOUT = 5_000;
/** An answer this young is taken as it is; the kubelet asks every few seconds, so it is nearly always younger. */
const FRESH = 2_000;
/** How long CRI's Status waits for a new answer, with and without an old one: a hung plug-in must not hang it. */
const PATIENCE = 40;
const FIRST_PATIENCE = 1_000;

/** Asks STATUS of a network, at most once at a time, and remembers the answer. */
export class StatusProbe {
  readonly #ask: (network: CniNetwork, signal: AbortSignal) => Promise<void>;
  #network: CniNetwork | undefined;
  #running: Promise<void> | undefined;
  #answer: { readonly refusal: string | undefined; readonly at: number } | undefined;

  constructor(ask: (network: CniNetwork, signal: AbortSignal) => Promise<void>) {
    this.#ask = ask;
  }

  /** For a pod: why the network takes none now; undefined when it does. A refusal is asked again, a consent may be old. */
  async refusal(network: CniNetwork): Promise<string | undefined> {
    this.#start(network);
    if (this.#answer === undefined || this.#answer.refusal !== undefined) await this.#running;
    return this.#answer?.refusal;
  }

  /** For CRI's Status: the same, soon. */
  async quickRefusal(network: CniNetwork): Promise<string | undefined> {
    this.#start(network);
    const patience = this.#answer === undefined ? FIRST_PATIENCE : PATIENCE;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patience);
    await Promise.race([this.#running, promise]);
    clearTimeout(timer);
    return this.#answer === undefined ? 'a plug-in has not answered STATUS yet' : this.#answer.refusal;
  }

  #start(network: CniNetwork): void {
    if (network !== this.#network) {
      this.#network = network;
      this.#answer = undefined;
      this.#running = undefined;
    }
    if (this.#answer !== undefined && performance.now() - this.#answer.at < FRESH) return;
    this.#running ??= this.#probe(network);
  }

  async #probe(network: CniNetwork): Promise<void> {
    let refusal: string | undefined;
    try {
      await this.#ask(network, AbortSignal.timeout(PROBE_TIMEOUT));
    } catch (error) {
      refusal = describeError(error);
    }
    if (this.#network !== network) return;
    this.#answer = { refusal, at: performance.now() };
    this.#running = undefined;
  }
}
