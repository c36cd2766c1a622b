import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Container,
  forever,
  isOver,
  isReady,
  isRunning,
  KubeletNode,
  manyAtOnce,
  type Pod,
  pod,
  podWhen,
  removeStatic,
  run,
  runStatic,
  runToEnd,
  sh,
  statusOf,
} from './harness/index.ts';

manyAtOnce();
let node: KubeletNode;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 161 });
});
afterAll(async () => await node?.dispose());

/** A directory that all of a pod's containers write their diary into. */
const diary = {
  volumes: [{ name: 'diary', emptyDir: {} }],
  write: { volumeMounts: [{ name: 'diary', mountPath: '/diary' }] },
};
const says = (name: string, script: string): Container => ({ name, ...diary.write, ...sh(script) });
const note = (text: string): string => `echo ${text} >> /diary/all`;
const logs = async (found: Pod, container = 'main', query = ''): Promise<string> =>
  (await node.kubelet.api.logs(found, container, query)).trim();
const sidecar = { restartPolicy: 'Always' };

// The kubelet waits ten seconds before it looks again whether a replaced pod's name is free: that test comes first.
describe.concurrent('pods', () => {
  describe('a static pod', () => {
    test('that changes is replaced', async () => {
      const manifest = pod('changes', { containers: [{ ...forever, env: [{ name: 'V', value: '1' }] }] });
      const first = await runStatic(node, manifest);
      const changed = { ...manifest, spec: { ...manifest.spec, hostname: 'other' } };
      const second = await runStatic(
        node,
        changed,
        (found) => found.metadata.uid !== first.metadata.uid && isReady(found),
      );
      expect(second.spec['hostname']).toBe('other');
      const { items } = await node.world.cri.call('ListPodSandbox', {
        filter: {
          labelSelector: { 'io.kubernetes.pod.name': first.metadata.name },
          state: { state: 'SANDBOX_READY' },
        },
      });
      expect(items.map(({ metadata }) => metadata?.uid)).toEqual([second.metadata.uid]);
      await removeStatic(node, manifest);
    });

    test('gets its command, arguments, directory and environment as Kubernetes says', async () => {
      const done = await runToEnd(
        node,
        pod('process', {
          hostname: 'my-host',
          subdomain: 'sub',
          hostAliases: [{ ip: '10.9.8.7', hostnames: ['aliased'] }],
          metadata: { labels: { app: 'label' }, annotations: { note: 'annotation' } },
          containers: [
            {
              command: ['sh', '-c'],
              args: [
                'echo "$0 $(A)"; pwd; echo $IP $NAME $APP $LIMIT; hostname; cat /etc/hosts /etc/resolv.conf',
                'zero',
              ],
              workingDir: '/made/here',
              resources: { limits: { memory: '64Mi' } },
              env: [
                { name: 'A', value: 'a' },
                { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
                { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
                { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
                { name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } },
              ],
            },
          ],
        }),
      );
      const lines = (await logs(done)).split('\n');
      const { podIP = 'none' } = done.status;
      expect(lines.slice(0, 4)).toEqual([
        'zero a',
        '/made/here',
        `${podIP} ${done.metadata.name} label 67108864`,
        'my-host',
      ]);
      const rest = lines.slice(4).join('\n');
      expect(rest).toMatch(
        new RegExp(`^${podIP}\\s+my-host\\.sub\\.default\\.svc\\.cluster\\.local\\s+my-host$`, 'm'),
      );
      expect(rest).toMatch(/^10\.9\.8\.7\s+aliased$/m);
      expect(rest).toMatch(/^nameserver 10\.231\.0\.54$/m);
      expect(rest).toMatch(
        /^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local e2e\.test$/m,
      );
    });
  });

  describe('init containers', () => {
    test('run one after the other, each to its end, before the others', async () => {
      const done = await runToEnd(
        node,
        pod('init', {
          volumes: diary.volumes,
          initContainers: [
            says('one', `${note('one')}; sleep 0.3; ${note('one ends')}`),
            says('two', `${note('two')}; sleep 0.1; ${note('two ends')}`),
          ],
          containers: [says('main', 'cat /diary/all')],
        }),
      );
      expect(done.status.phase).toBe('Succeeded');
      expect((await logs(done)).split('\n')).toEqual(['one', 'one ends', 'two', 'two ends']);
      expect(done.status.initContainerStatuses?.map(({ state }) => state.terminated?.reason)).toEqual([
        'Completed',
        'Completed',
      ]);
    });

    test('that fail end a pod that is not restarted, before its containers begin', async () => {
      const done = await runToEnd(
        node,
        pod('init-fails', { initContainers: [{ name: 'bad', ...sh('exit 9') }], containers: [sh('true')] }),
      );
      expect(done.status.phase).toBe('Failed');
      expect(statusOf(done, 'bad').state.terminated?.exitCode).toBe(9);
      expect(statusOf(done).state).toEqual({ waiting: { reason: 'PodInitializing' } });
      expect(statusOf(done).containerID ?? '').toBe('');
    });

    test('that fail are tried again in a pod that is restarted', async () => {
      const done = await runToEnd(
        node,
        pod('init-again', {
          restartPolicy: 'OnFailure',
          volumes: diary.volumes,
          initContainers: [says('init', `${note('try')}; [ $(wc -l < /diary/all) -eq 2 ]`)],
          containers: [says('main', 'cat /diary/all')],
        }),
      );
      expect(await logs(done)).toBe('try\ntry');
      expect(statusOf(done, 'init').restartCount).toBe(1);
    });
  });

  describe('sidecars', () => {
    test('start in their order, when the one before has started, and end last, in reverse', async () => {
      const stays = (name: string, before = ''): Container =>
        says(
          name,
          `${note(name)}; ${before} trap '${note(`${name} ends`)}; exit 0' TERM; while :; do sleep 3600 & wait $!; done`,
        );
      const slow = {
        ...stays('slow', `(sleep 0.5; ${note('slow is up')}; touch /tmp/up) &`),
        startupProbe: { exec: { command: ['test', '-e', '/tmp/up'] }, periodSeconds: 1 },
      };
      const directory = join(node.world.directory, 'sidecars');
      const manifest = pod('sidecars', {
        terminationGracePeriodSeconds: 10,
        // On the host, where it can be read when the pod is gone.
        volumes: [{ name: 'diary', hostPath: { path: directory, type: 'DirectoryOrCreate' } }],
        initContainers: [
          { ...slow, ...sidecar },
          says('init', note('init')),
          { ...stays('second'), ...sidecar },
        ],
        containers: [stays('main')],
      });
      const read = (): string[] => readFileSync(join(directory, 'all'), 'utf8').trim().split('\n');
      const up = await runStatic(node, manifest, (found) => isRunning(found) && read().includes('main'));
      expect(statusOf(up, 'init').state.terminated?.exitCode).toBe(0);
      expect(statusOf(up, 'slow').state.running).toBeDefined();
      await removeStatic(node, manifest);
      const began = ['slow', 'slow is up', 'init', 'second', 'main'];
      expect(read()).toEqual([...began, 'main ends', 'second ends', 'slow ends']);
    });

    test('do not keep a pod that has done its work', async () => {
      const done = await runToEnd(
        node,
        pod('job', {
          initContainers: [{ name: 'side', ...forever, ...sidecar }],
          containers: [sh('exit 0')],
        }),
      );
      expect(done.status.phase).toBe('Succeeded');
      expect(statusOf(done, 'side').state.terminated?.exitCode).toBe(0);
    });

    test('are restarted, also where the pod is not', async () => {
      const manifest = pod('sidecar-restarts', {
        volumes: diary.volumes,
        initContainers: [
          {
            ...says('side', `${note('up')}; [ $(wc -l < /diary/all) -gt 1 ] && exec sleep 3600; exit 1`),
            ...sidecar,
          },
        ],
        containers: [forever],
      });
      const up = await runStatic(
        node,
        manifest,
        (found) =>
          statusOf(found, 'side').restartCount === 1 && statusOf(found, 'side').state.running !== undefined,
      );
      expect(statusOf(up, 'side').lastState.terminated?.exitCode).toBe(1);
      expect(statusOf(up).restartCount).toBe(0);
      await removeStatic(node, manifest);
    });
  });

  describe('restart policy', () => {
    test('Always starts again what has ended, whatever its code, and backs off', async () => {
      const manifest = pod('always', { restartPolicy: 'Always', containers: [sh('echo run $$; exit 0')] });
      const backing = await runStatic(node, manifest, (found) => {
        const { state, restartCount } = statusOf(found);
        return restartCount >= 1 && state.waiting?.reason === 'CrashLoopBackOff';
      });
      expect(statusOf(backing).lastState.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
      const again = await podWhen(node, manifest, (found) => statusOf(found).restartCount >= 2);
      expect(again.status.phase).toBe('Running');
      await removeStatic(node, manifest);
    });

    test('OnFailure starts again what has failed, until it succeeds', async () => {
      const script = `${note('try')}; echo this is $(wc -l < /diary/all); case $(wc -l < /diary/all) in
        1) exit 5 ;; 2) until [ -e /diary/go ]; do sleep 0.05; done ;; esac`;
      const manifest = pod('on-failure', {
        restartPolicy: 'OnFailure',
        volumes: diary.volumes,
        containers: [says('main', script)],
      });
      const second = await runStatic(
        node,
        manifest,
        (found) => isRunning(found) && statusOf(found).restartCount === 1,
      );
      expect(statusOf(second).lastState.terminated).toMatchObject({ exitCode: 5, reason: 'Error' });
      expect(await logs(second, 'main', 'previous=true')).toBe('this is 1');
      expect(await node.kubelet.api.followLogs(second, 'main', /\n$/)).toBe('this is 2\n');
      await run(node, second, 'touch /diary/go');
      const done = await podWhen(node, manifest, isOver);
      expect(done.status.phase).toBe('Succeeded');
      expect(statusOf(done).restartCount).toBe(1);
    });

    test('Never leaves it, and the pod has failed if one container has', async () => {
      const done = await runToEnd(
        node,
        // Nobody kills the first process of a pid namespace from inside of it; and Kubernetes makes $$ out of $$$$.
        pod('never', {
          shareProcessNamespace: true,
          containers: [sh('exit 0'), { name: 'bad', ...sh('kill -9 $$$$') }],
        }),
      );
      expect(done.status.phase).toBe('Failed');
      expect(statusOf(done).state.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
      expect(statusOf(done, 'bad').state.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
      expect([0, 0]).toEqual(done.status.containerStatuses?.map(({ restartCount }) => restartCount));
    });

    test('a command that does not exist is StartError, and 128', async () => {
      const done = await runToEnd(node, pod('no-command', { containers: [{ command: ['/no/such'] }] }));
      const { terminated } = statusOf(done).state;
      expect(terminated).toMatchObject({ exitCode: 128, reason: 'StartError' });
      expect(terminated?.message).toMatch(/\/no\/such.*no such file/i);
    });
  });
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});
