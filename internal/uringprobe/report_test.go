package uringprobe

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ringport/ringport/uring"
)

// everything is the features of a kernel that has all of them.
func everything() *uring.Features {
	return &uring.Features{
		Flags:        uring.FlagSubmitAll | uring.FlagTaskrunFlag | uring.FlagSingleIssuer | uring.FlagDeferTaskrun,
		SQEntries:    uring.DefaultEntries,
		CQEntries:    uring.DefaultCQEntries,
		Capabilities: uring.Capabilities{BufferRing: true, MultishotAccept: true, MultishotReceive: true},
	}
}

func TestTheVerdictFollowsFromTheFeatures(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*uring.Features)
		want    verdict
		missing []string
		cause   string
		advice  string
	}{
		{"all there", func(*uring.Features) {}, fullSpeed, []string{}, "", ""},
		{"no multishot receive", func(f *uring.Features) { f.MultishotReceive = false },
			reduced, []string{"multishot receive"}, "", "kernel 6.0 or before"},
		{"several missing", func(f *uring.Features) { f.MultishotReceive, f.Flags = false, uring.FlagSubmitAll },
			reduced, []string{"multishot receive", "TASKRUN_FLAG", "SINGLE_ISSUER", "DEFER_TASKRUN"}, "",
			"kernel 6.1 or before"},
		{"no buffer rings", func(f *uring.Features) { f.BufferRing, f.MultishotReceive = false, false },
			unavailable, []string{"buffer rings", "multishot receive"}, "buffer rings", ""},
		{"no multishot accept", func(f *uring.Features) { f.MultishotAccept = false },
			unavailable, []string{"multishot accept"}, "multishot accept", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := everything()
			test.change(f)
			r := reportOf(host{Memlock: memlock{Enough: true}}, f, nil)
			require.Equal(t, test.want, r.Verdict)
			require.Equal(t, test.want.exitStatus(), r.ExitStatus)
			require.Equal(t, test.missing, r.Missing)
			require.NotNil(t, r.Ring, "what was found is told in any case")
			if test.cause == "" {
				require.Nil(t, r.Problem)
			} else {
				require.Contains(t, r.Problem.Cause, test.cause)
				require.Equal(t, "use kernel 5.19 or newer, 6.1 for full speed", r.Problem.Mend)
			}
			require.Equal(t, test.advice != "", len(r.Advice) > 0)
			require.Contains(t, strings.Join(r.Advice, ""), test.advice)
		})
	}
}

func TestEveryFailureHasACauseAndAMend(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want problem
	}{
		{"setup", fmt.Errorf("outer: %w", &uring.SetupError{Errno: syscall.EPERM, Cause: "the cause", Mend: "the mend"}),
			problem{Error: "io_uring_setup: operation not permitted", Errno: "EPERM", Cause: "the cause", Mend: "the mend"}},
		{"feature", &uring.FeatureError{Name: "enters with a timeout", MinKernel: "5.11"},
			problem{Cause: "the kernel lacks something that ringport does not run without: enters with a timeout",
				Mend: "use kernel 5.11 or newer, 6.1 for full speed"}},
		{"an errno alone", fmt.Errorf("uring: map: %w", syscall.EAGAIN),
			problem{Errno: "EAGAIN", Cause: "a failure that uringprobe does not know",
				Mend: "please report it with this output"}},
		{"neither", errors.New("odd"),
			problem{Cause: "a failure that uringprobe does not know", Mend: "please report it with this output"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := reportOf(host{}, nil, test.err)
			require.Equal(t, 2, r.ExitStatus)
			if test.want.Error == "" {
				test.want.Error = test.err.Error()
			}
			require.Equal(t, &test.want, r.Problem)
		})
	}
}

func TestTooLittleMemlockIsAdvised(t *testing.T) {
	h := host{Memlock: memlockOf(64<<10, true)}
	r := reportOf(h, everything(), nil)
	require.Equal(t, fullSpeed, r.Verdict)
	require.Len(t, r.Advice, 1)
	require.Contains(t, r.Advice[0], "is 64 KiB, and one default ring needs ")
	require.Empty(t, reportOf(host{Memlock: memlockOf(64<<10, false)}, everything(), nil).Advice)
}

// The names are a promise to scripts: they may grow in number, not change.
func TestTheJSONNamesAreStable(t *testing.T) {
	want := map[string]string{
		"":           "advice exit_status features host missing operations problem ring verdict version",
		"host":       "architecture cap_ipc_lock io_uring_disabled io_uring_group kernel memlock seccomp user_namespace",
		"ring":       "cq_entries feature_bits flag_bits flags registered_fd sq_entries",
		"problem":    "cause errno error mend",
		"features":   "full_speed gives min_kernel name needed present",
		"operations": "code min_kernel name supported",
	}
	f := everything()
	f.BufferRing = false
	text, err := json.Marshal(reportOf(thisHost(), f, nil))
	require.NoError(t, err)
	var top map[string]any
	require.NoError(t, json.Unmarshal(text, &top))
	for field, names := range want {
		object := top
		switch value := top[field].(type) {
		case map[string]any:
			object = value
		case []any:
			object = value[0].(map[string]any)
		}
		require.Equal(t, names, strings.Join(slices.Sorted(maps.Keys(object)), " "), "in %q", field)
	}
	memlock := top["host"].(map[string]any)["memlock"].(map[string]any)
	require.Equal(t, "buffer_ring_bytes charged enough limit_bytes needed_bytes ring_bytes",
		strings.Join(slices.Sorted(maps.Keys(memlock)), " "))
}
