package echod

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// composition is the fields that compose.yaml has. Another one, or one that is misspelled, fails the tests.
type composition struct {
	Version  string
	Services struct {
		Echod struct {
			Image, Restart string
			Command        []string
			Ports          []string
			Environment    map[string]string
			SecurityOpt    []string `yaml:"security_opt"`
			CapDrop        []string `yaml:"cap_drop"`
			ReadOnly       bool     `yaml:"read_only"`
			MemLimit       string   `yaml:"mem_limit"`
			PidsLimit      int      `yaml:"pids_limit"`
			Ulimits        struct{ NoFile int }
			GracePeriod    string `yaml:"stop_grace_period"`
			Logging        struct{ Options map[string]string }
		}
	}
}

func readComposition(t *testing.T) (c composition) {
	t.Helper()
	readStrictly(t, deployed(t, "compose.yaml"), &c)
	return c
}

func TestComposeGivesArgumentsThatEchodTakes(t *testing.T) {
	echod := readComposition(t).Services.Echod
	env := map[string]string{"ECHOD_LISTEN": imageSetting(t, "ECHOD_LISTEN=")}
	o := runWith(env, append([]string{"--check-config"}, echod.Command...)...)
	require.Equal(t, exitDone, o.status, o.stderr)
}

func TestComposeGivesWhatTheArgumentsTake(t *testing.T) {
	echod := readComposition(t).Services.Echod
	options := parsed(t, echod.Command...)
	grace, err := time.ParseDuration(echod.GracePeriod)
	require.NoError(t, err)
	require.Greater(t, grace, options.Timeouts.DrainTimeout)
	d := descriptors{limit: echod.Ulimits.NoFile, shards: 64, listeners: 1, admin: true}
	require.Greater(t, d.room(), options.Limits.MaxConns)
	require.Less(t, bytesOf(t, echod.Environment["GOMEMLIMIT"]), bytesOf(t, echod.MemLimit))
	require.Less(t, mostMemory(t, options), bytesOf(t, echod.MemLimit))
}

// mostMemory is what may be in use at once with these options, as LIMITS in echod(8) adds it up.
func mostMemory(t *testing.T, o serveOptions) int {
	t.Helper()
	const perConnection = 16 << 10
	require.Positive(t, o.Processors.Shards, "of 0 shards the machine makes any number")
	require.Positive(t, o.Memory.MaxQueued, "0 is no limit")
	return o.Processors.Shards*o.Memory.Buffers*int(o.Memory.BufferSize) + int(o.Memory.MaxQueued) +
		o.Limits.MaxConns*perConnection
}

func TestComposePublishesWhereEchodListens(t *testing.T) {
	echod := readComposition(t).Services.Echod
	require.Len(t, echod.Ports, 2)
	for i, address := range []string{imageSetting(t, "ECHOD_LISTEN="), parsed(t, echod.Command...).Admin.Admin} {
		inside := echod.Ports[i][strings.LastIndex(echod.Ports[i], ":"):]
		require.True(t, strings.HasSuffix(address, inside), "%s is not published by %s", address, echod.Ports[i])
	}
	require.True(t, strings.HasPrefix(echod.Ports[1], "127.0.0.1:"), "the admin listener is for this host alone")
}

func TestComposeLetsEchodDoNothingButServe(t *testing.T) {
	echod := readComposition(t).Services.Echod
	require.True(t, echod.ReadOnly)
	require.Equal(t, []string{"ALL"}, echod.CapDrop)
	require.Equal(t, []string{"seccomp=seccomp.json", "no-new-privileges"}, echod.SecurityOpt)
	require.Positive(t, echod.PidsLimit)
	require.NotEmpty(t, deployed(t, "seccomp.json"))
}
