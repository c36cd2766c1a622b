import { constants } from 'node:os';
import type { Signal } from '../cri-types/index.ts';
import { invalid } from './errors.ts';

const realTimeMinimum = 34;
const realTimeMaximum = 64;

/** The signal's number on this machine: CRI's choice, else the image's STOPSIGNAL, else SIGTERM. */
export function stopSignal(asked: Signal, image: string): number {
  if (asked !== 'SIGNAL_RUNTIME_DEFAULT') return signalNumber(asked.replace('SIGNAL_', ''), asked);
  return image === '' ? constants.signals.SIGTERM : signalNumber(image, `STOPSIGNAL ${image}`);
}

/** CRI's name of a number, for status; SIGNAL_RUNTIME_DEFAULT for one that CRI has no name for. */
export function criSignal(number: number): Signal {
  if (number === realTimeMinimum) return 'SIGNAL_SIGRTMIN';
  if (number === realTimeMaximum) return 'SIGNAL_SIGRTMAX';
  if (number > realTimeMinimum && number <= 49)
    return `SIGNAL_SIGRTMINPLUS${number - realTimeMinimum}` as Signal;
  if (number > 49 && number < realTimeMaximum)
    return `SIGNAL_SIGRTMAXMINUS${realTimeMaximum - number}` as Signal;
  const name = canonical.find((candidate) => constants.signals[candidate] === number);
  return name === undefined ? 'SIGNAL_RUNTIME_DEFAULT' : (`SIGNAL_${name}` as Signal);
}

/** `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`, `SIGRTMINPLUS3`, in any case. */
function signalNumber(text: string, subject: string): number {
  const upper = text.trim().toUpperCase();
  if (/^\d+$/.test(upper)) {
    const number = Number(upper);
    if (number >= 1 && number <= realTimeMaximum) return number;
  }
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  const realTime = /^SIGRT(MIN|MAX)(?:(?:PLUS|MINUS|[+-])(\d+))?$/.exec(name);
  if (realTime !== null) {
    const offset = Number(realTime[2] ?? 0);
    const number = realTime[1] === 'MIN' ? realTimeMinimum + offset : realTimeMaximum - offset;
    if (number >= realTimeMinimum && number <= realTimeMaximum) return number;
  }
  const known = { ...constants.signals, SIGCLD: constants.signals.SIGCHLD } as Readonly<
    Record<string, number>
  >;
  const number = Object.hasOwn(known, name) ? known[name] : undefined;
  if (number === undefined) throw invalid(subject, `${subject}: there is no such signal`);
  return number;
}

/** One name for each number, where the system has several. */
const canonical = (
  'SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM ' +
  'SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO ' +
  'SIGPWR SIGSYS'
).split(' ') as (keyof typeof constants.signals)[];
