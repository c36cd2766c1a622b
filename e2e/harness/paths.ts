import { fileURLToPath } from 'node:url';

const fromRepository = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Programs that the tests run; `e2e/build-tools` and `npm run build` make them. */
export const programs = {
  /** Measured or tried may be another release's. */
  gantry: process.env['GANTRY_E2E_PROGRAM'] ?? fromRepository('bin/gantry'),
  crictl: fromRepository('build/tools/crictl'),
  critest: fromRepository('build/tools/critest'),
  ginkgo: fromRepository('build/tools/ginkgo'),
  containerd: fromRepository('build/tools/containerd'),
  tools: fromRepository('build/tools'),
  nriPlugin: fromRepository('build/tools/nri-plugin'),
  cniBin: fromRepository('build/tools/cni'),
  build: fromRepository('build'),
  criProto: fromRepository('proto/cri/api.proto'),
} as const;
