//go:build tools

// Package e2e names what e2e/build-tools builds, so that go.mod pins it; nothing of ours imports any of it.
package e2e

import (
	_ "github.com/onsi/ginkgo/v2/ginkgo" // critest -parallel starts it
	_ "sigs.k8s.io/cri-tools/cmd/crictl"
	_ "sigs.k8s.io/cri-tools/pkg/benchmark" // this and the next: what cmd/critest, a package of tests only, imports
	_ "sigs.k8s.io/cri-tools/pkg/validate"
)
