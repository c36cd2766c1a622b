import { readdirSync } from 'node:fs';
import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * The server's own process, by the names that Prometheus' clients agree on. prom-client's ready-made set would also watch
 * every garbage collection and wake the process a hundred times a second.
 */
export function processMetrics(registers: Registry[]): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(value()) });
  };
  gauge('process_resident_memory_bytes', 'Of the server itself.', () => process.memoryUsage.rss());
  gauge('process_open_fds', 'Open descriptors.', () => readdirSync('/proc/self/fd').length);
  gauge('process_start_time_seconds', 'Since the epoch.', () => performance.timeOrigin / 1000);
  const cpu: Counter = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system time.',
    registers,
    collect: () => {
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc((user + system) / 1e6);
    },
  });
}
