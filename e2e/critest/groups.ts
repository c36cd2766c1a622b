/**
 * The suite's parts by what they are about, as ginkgo's --ginkgo.focus takes them (regular expressions on a spec's full
 * name).
 */
export const groups: Readonly<Record<string, string>> = {
  info: 'Runtime info',
  sandbox: 'PodSandbox runtime',
  container: 'Container runtime should support basic operations',
  volumes: 'adding volume and device|Container Mount',
  logs: 'runtime should support log',
  oom: 'Container OOM',
  images: 'Image Manager',
  'image-id': 'Image Consistency|Image Identifier Consistency',
  idempotence: 'Idempotence',
  networking: 'Networking runtime',
  multiple: 'Multiple Containers',
  streaming: 'Streaming runtime',
  security: 'Security Context',
  apparmor: 'AppArmor',
  nri: 'NRI',
};
