/**
 * What a service manager (systemd) is told of the server, and what it hands over: sd_notify(3), sd_watchdog_enabled(3) and
 * sd_listen_fds(3). Without one nothing happens.
 */
import { describeError, GantryError, type Logger, native } from '../base/index.ts';

/** The first descriptor that is handed over. */
const FIRST_FD = 3;

export interface ServiceManager {
  /** A connected or bound socket to serve on, in place of one of our own; undefined without socket activation. */
  readonly listenFd: number | undefined;
  /** From now on calls are answered. The watchdog, if any, is fed from then on for as long as the JavaScript thread comes around. */
  ready(status: string): void;
  /** The end has begun. */
  stopping(): void;
}

type Environment = Record<string, string | undefined>;

/**
 * Takes what the environment says, and takes it out: neither plug-ins nor helpers are to speak for the server. Errors: invalid-argument
 * for more sockets than one.
 */
export function serviceManager(
  log: Logger,
  environment: Environment = process.env,
  notify: (socket: string, lines: string) => void = (socket, lines) => native().notify(socket, lines),
): ServiceManager {
  const socket = environment['NOTIFY_SOCKET'] ?? '';
  const listenFd = inheritedSocket(environment);
  const interval = watchdogInterval(environment);
  for (const name of [
    'NOTIFY_SOCKET',
    'WATCHDOG_USEC',
    'WATCHDOG_PID',
    'LISTEN_FDS',
    'LISTEN_PID',
    'LISTEN_FDNAMES',
  ])
    delete environment[name];
  const tell = (lines: string): void => {
    if (socket === '') return;
    try {
      notify(socket, lines);
    } catch (error) {
      log.warn({ error: describeError(error) }, 'the service manager could not be told');
    }
  };
  return {
    listenFd,
    ready(status) {
      tell(`READY=1\nSTATUS=${status}\n`);
      if (interval !== undefined) setInterval(() => tell('WATCHDOG=1\n'), interval).unref();
    },
    stopping: () => tell('STOPPING=1\n'),
  };
}

/** Milliseconds between two signs of life: half of what the manager waits for. Undefined: it does not. Pure. */
export function watchdogInterval(environment: Environment): number | undefined {
  const { WATCHDOG_USEC: time, WATCHDOG_PID: pid } = environment;
  if (time === undefined || (pid !== undefined && pid !== String(process.pid))) return undefined;
  const milliseconds = Number(time) / 2000;
  return Number.isFinite(milliseconds) && milliseconds >= 1 ? Math.floor(milliseconds) : undefined;
}

/** Pure. */
export function inheritedSocket(environment: Environment): number | undefined {
  const { LISTEN_FDS: count = '', LISTEN_PID: pid } = environment;
  if (count === '' || count === '0' || pid !== String(process.pid)) return undefined;
  if (count !== '1') {
    throw new GantryError({
      code: 'invalid-argument',
      operation: 'listen',
      subject: 'LISTEN_FDS',
      message: `the service manager handed over ${count} sockets; the server takes one: give its socket unit one ListenStream=`,
    });
  }
  return FIRST_FD;
}
