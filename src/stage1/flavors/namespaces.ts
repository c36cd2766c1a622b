import type { FlavorPlan } from './types.ts';

/** Ordinary containers, isolated by namespaces of the host's kernel: every wish is met as it is. */
export const namespacesFlavor: FlavorPlan = {
  name: 'namespaces',
  userNamespaces: true,
  namespaces: (asked) => asked,
};
