package uringprobe

import (
	"fmt"
	"strings"

	"github.com/ringport/ringport/uring"
)

// advise adds what would make things better although nothing is broken.
func (r *report) advise() {
	if r.Verdict == reduced {
		r.Advice = append(r.Advice, fmt.Sprintf("full speed needs %s, which came with kernel %s or before; "+
			"a kernel that is newer and lacks it was built or patched so",
			strings.Join(r.Missing, ", "), newestMissing(r.Features)))
	}
	if m := r.Host.Memlock; !m.Enough {
		r.Advice = append(r.Advice, fmt.Sprintf("the limit on locked memory (RLIMIT_MEMLOCK) is %s, and one default "+
			"ring needs %s of it: raise it (ulimit -l, LimitMEMLOCK=, docker run --ulimit memlock=-1) "+
			"or grant CAP_IPC_LOCK", limitText(m.Limit), bytesText(m.Needed)))
	}
	if r.Ring != nil && (r.Ring.SQEntries < uring.DefaultEntries || r.Ring.CQEntries < uring.DefaultCQEntries) {
		r.Advice = append(r.Advice, fmt.Sprintf("the queues are smaller than the %d and %d entries asked for, because "+
			"the kernel had no memory to charge: raise RLIMIT_MEMLOCK or close other rings of this user",
			uring.DefaultEntries, uring.DefaultCQEntries))
	}
}

// newestMissing is the kernel that brought the last of what full speed is missing.
func newestMissing(features []feature) string {
	newest := ""
	for _, f := range features {
		if f.FullSpeed && !f.Present && versionLess(newest, f.MinKernel) {
			newest = f.MinKernel
		}
	}
	return newest
}

// versionLess compares versions of two numbers; the empty one is the least.
func versionLess(a, b string) bool {
	majorA, minorA := versionNumbers(a)
	majorB, minorB := versionNumbers(b)
	return majorA < majorB || majorA == majorB && minorA < minorB
}

func versionNumbers(v string) (major, minor int) {
	_, _ = fmt.Sscanf(v, "%d.%d", &major, &minor)
	return major, minor
}
