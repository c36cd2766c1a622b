/** hack/quickstart --end DIRECTORY: ends what --keep left. Its server may have been killed meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from './server.ts';

const [directory = ''] = process.argv.slice(2);
const server = new Server(directory);
const kept = server.runningPid();
if (kept === undefined) await server.start();
const { items } = await server.cri.call('ListPodSandbox', {});
for (const { id } of items) await server.cri.call('RemovePodSandbox', { podSandboxId: id });
if (kept === undefined) await server.end('SIGTERM');
else process.kill(kept, 'SIGTERM');
while (server.runningPid() !== undefined) await sleep(50);
await server.removeTraces();
process.stdout.write(
  `ended: ${items.length} pod${items.length === 1 ? '' : 's'}, the server, ${directory}\n`,
);
process.exit(0);
